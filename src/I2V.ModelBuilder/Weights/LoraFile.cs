using System.Numerics;

namespace I2V.ModelBuilder.Weights;

/// <summary>
/// A LoRA: for some weights W a pair of small matrices, so that W' = W + scale·(alpha/rank)·up·down. Keys are read as
/// diffusers (old and new) and kohya name them. Linear layers and convolutions, whose down part has the kernel.
/// </summary>
public sealed class LoraFile : IDisposable
{
    private readonly TensorFile file;
    private readonly Dictionary<string, Dictionary<LoraPart, string>> modules = new(StringComparer.Ordinal);
    private readonly List<string> unknown = [];

    private LoraFile(TensorFile file)
    {
        this.file = file;
        foreach (var key in file.Tensors.Keys)
        {
            if (LoraNames.Split(key) is not var (module, part))
            {
                unknown.Add(key);
                continue;
            }

            if (!modules.TryGetValue(module, out var parts))
            {
                modules.Add(module, parts = []);
            }

            if (!parts.TryAdd(part, key))
            {
                throw new WeightsException($"{file.Path} has two tensors for one part of a LoRA: {parts[part]} and {key}.");
            }
        }
    }

    /// <summary>Of the file.</summary>
    public string Path => file.Path;

    /// <param name="path">Of a safetensors file or a torch archive.</param>
    /// <exception cref="WeightsException">It is neither, or has one part twice.</exception>
    public static LoraFile Open(string path)
    {
        var file = TensorFile.Open(path);
        try
        {
            return new LoraFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Dispose() => file.Dispose();

    /// <summary>Finds the weight that each pair changes.</summary>
    /// <exception cref="WeightsException">Some keys match nothing, lack their other half, or have wrong shapes: all are listed.</exception>
    internal IReadOnlyList<LoraPair> Match(IReadOnlyDictionary<string, KnownKeys> known)
    {
        var pairs = new List<LoraPair>();
        var unmatched = new List<string>(unknown);
        var wrong = new List<string>();
        foreach (var (module, parts) in modules)
        {
            if (LoraNames.Find(module, known) is not var (component, key))
            {
                unmatched.AddRange(parts.Values);
            }
            else if (!parts.TryGetValue(LoraPart.Down, out var down) || !parts.TryGetValue(LoraPart.Up, out var up))
            {
                wrong.Add($"{string.Join(", ", parts.Values)} (down and up belong together)");
            }
            else if (Misfit(known[component].Shapes[key], down, up) is { } misfit)
            {
                wrong.Add($"{module} {misfit}");
            }
            else
            {
                pairs.Add(new LoraPair(file, component, key, down, up, parts.GetValueOrDefault(LoraPart.Alpha)));
            }
        }

        if (unmatched.Count + wrong.Count > 0)
        {
            var problems = new[] { Problem("keys match no weight of the model", unmatched), Problem("pairs do not fit", wrong) };
            throw new WeightsException($"{Path} cannot be merged: {string.Join("; ", problems.Where(problem => problem.Length > 0))}.");
        }

        return pairs;
    }

    private static string Problem(string what, List<string> keys) =>
        keys.Count == 0 ? "" : $"{keys.Count} {what}: {string.Join(", ", keys.Order(StringComparer.Ordinal))}";

    /// <summary>Why the pair does not make a change of the weight's shape; null when it does.</summary>
    private string? Misfit(long[] weight, string down, string up)
    {
        var (downShape, upShape) = (file.Tensors[down].Shape, file.Tensors[up].Shape);
        var fits = weight.Length >= 2
            && downShape.Length >= 2
            && downShape[0] > 0
            && WithoutOnes(downShape.AsSpan(1)).SequenceEqual(WithoutOnes(weight.AsSpan(1)))
            && WithoutOnes(upShape).SequenceEqual(WithoutOnes([weight[0], downShape[0]]));
        return fits ? null : $"with down {TensorShape.Text(downShape)} and up {TensorShape.Text(upShape)} for a weight {TensorShape.Text(weight)}";
    }

    /// <summary>A linear layer and a convolution of one pixel are the same: the sizes of 1 at the end do not count.</summary>
    private static ReadOnlySpan<long> WithoutOnes(ReadOnlySpan<long> shape) => shape.TrimEnd(1L);
}

/// <summary>The change of one weight.</summary>
/// <param name="Component">Folder of the checkpoint.</param>
/// <param name="Key">Of the weight in it.</param>
internal sealed record LoraPair(TensorFile File, string Component, string Key, string Down, string Up, string? Alpha)
{
    /// <summary>Adds scale·(alpha/rank)·up·down. Without an alpha it is the rank.</summary>
    public void AddTo(Span<float> weight, double scale)
    {
        var (down, up) = (File.Read(Down), File.Read(Up));
        var rank = (int)File.Tensors[Down].Shape[0];
        var columns = down.Length / rank;
        var factor = (float)(scale * AlphaOver(rank));
        var change = new float[columns];
        for (var row = 0; row < up.Length / rank; row++)
        {
            Array.Clear(change);
            for (var k = 0; k < rank; k++)
            {
                AddScaled(change, down.AsSpan(k * columns, columns), up[(row * rank) + k]);
            }

            AddScaled(weight.Slice(row * columns, columns), change, factor);
        }
    }

    private double AlphaOver(int rank)
    {
        if (Alpha is null)
        {
            return 1;
        }

        var values = File.Read(Alpha);
        return values.Length == 1 && float.IsFinite(values[0])
            ? values[0] / (double)rank
            : throw new WeightsException($"{Alpha} in {File.Path} should be one finite number.");
    }

    private static void AddScaled(Span<float> into, ReadOnlySpan<float> values, float factor)
    {
        var i = 0;
        for (; i <= into.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var sum = new Vector<float>(into[i..]) + (new Vector<float>(values[i..]) * factor);
            sum.CopyTo(into[i..]);
        }

        for (; i < into.Length; i++)
        {
            into[i] += values[i] * factor;
        }
    }
}
