using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Inputs of a graph that follow from the request's sizes, made once for each of the last few sizes. Not thread-safe.</summary>
internal sealed class DerivedInputs : IDisposable
{
    /// <summary>Sizes whose tensors are kept: those of a warm-up, of a job, and of a job that returns.</summary>
    private const int Kept = 4;

    /// <summary>Rows of a pool matrix: the architecture pools to 32 × 32.</summary>
    private const int PooledRows = 32;

    private readonly IReadOnlyList<(GraphInput Input, SizeFormula Formula)> inputs;
    private readonly LinkedList<(string Sizes, IReadOnlyDictionary<string, OrtValue> Tensors)> recent = [];

    /// <exception cref="FormatException">A formula or a kind is not known.</exception>
    public DerivedInputs(IEnumerable<GraphInput> described)
    {
        inputs = [.. described.Where(input => input.Kind != "tensor").Select(input => (input, Formula(input)))];
    }

    public IEnumerable<string> Names => inputs.Select(input => input.Input.Name);

    /// <summary>Name → tensor, valid until this object is asked for the tensors of other sizes.</summary>
    /// <exception cref="ArgumentException">A size is missing, is not a multiple of what divides it, or leaves a part without a row.</exception>
    public IReadOnlyDictionary<string, OrtValue> For(IReadOnlyDictionary<string, long> sizes)
    {
        var key = string.Join(',', sizes.OrderBy(size => size.Key, StringComparer.Ordinal).Select(size => $"{size.Key}={size.Value}"));
        for (var node = recent.First; node is not null; node = node.Next)
        {
            if (node.Value.Sizes == key)
            {
                recent.Remove(node);
                recent.AddFirst(node);
                return node.Value.Tensors;
            }
        }

        var tensors = Make(sizes);
        recent.AddFirst((key, tensors));
        if (recent.Count > Kept)
        {
            Release(recent.Last!.Value.Tensors);
            recent.RemoveLast();
        }

        return tensors;
    }

    public void Dispose()
    {
        foreach (var (_, tensors) in recent)
        {
            Release(tensors);
        }

        recent.Clear();
    }

    private static OrtValue Tensor(GraphInput input, long[] values) => input.Kind switch
    {
        "pool_matrix" => OrtValue.CreateTensorValueFromMemory(PoolMatrix(values[0]), [PooledRows, values[0]]),
        "split" when Array.Exists(values, rows => rows < 1) =>
            throw new ArgumentException($"The parts {input.Formula} are {string.Join(", ", values)}, but each must have a row."),
        _ => OrtValue.CreateTensorValueFromMemory(values, [values.Length]),
    };

    /// <summary>[32, size], row-major: row i averages the columns ⌊i·size/32⌋ … ⌈(i+1)·size/32⌉, the end not included.</summary>
    internal static float[] PoolMatrix(long size)
    {
        var matrix = new float[checked(PooledRows * size)];
        for (long row = 0; row < PooledRows; row++)
        {
            var first = row * size / PooledRows;
            var end = (((row + 1) * size) + PooledRows - 1) / PooledRows;
            matrix.AsSpan((int)((row * size) + first), (int)(end - first)).Fill(1f / (end - first));
        }

        return matrix;
    }

    private Dictionary<string, OrtValue> Make(IReadOnlyDictionary<string, long> sizes)
    {
        var tensors = new Dictionary<string, OrtValue>();
        try
        {
            foreach (var (input, formula) in inputs)
            {
                tensors[input.Name] = Tensor(input, formula.Evaluate(sizes));
            }

            return tensors;
        }
        catch
        {
            Release(tensors);
            throw;
        }
    }

    private static SizeFormula Formula(GraphInput input)
    {
        var formula = SizeFormula.Parse(input.Formula ?? throw new FormatException($"the input {input.Name} is of the kind {input.Kind}, which needs a formula"));
        return input.Kind switch
        {
            "shape" or "split" => formula,
            "pool_matrix" when formula.Count == 1 => formula,
            "pool_matrix" => throw new FormatException($"the input {input.Name} is a pool_matrix, whose formula has one entry, not {formula.Count}"),
            _ => throw new FormatException($"the input {input.Name} is of the unknown kind {input.Kind}; known are tensor, shape, split and pool_matrix"),
        };
    }

    private static void Release(IReadOnlyDictionary<string, OrtValue> tensors)
    {
        foreach (var tensor in tensors.Values)
        {
            tensor.Dispose();
        }
    }
}
