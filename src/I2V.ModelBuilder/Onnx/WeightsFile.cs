using System.Security.Cryptography;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Onnx;

/// <summary>Where each weight of a graph lies in the file beside it: on a page of its own, so that it can be mapped into memory.</summary>
internal sealed class WeightsLayout
{
    public const int Alignment = 4096;

    private readonly Dictionary<Initializer, WeightPlace> places = new(ReferenceEqualityComparer.Instance);

    /// <param name="graph">Its weights are laid out in the graph's order.</param>
    /// <param name="name">Of the file.</param>
    public WeightsLayout(Graph graph, string name)
    {
        Name = name;
        foreach (var initializer in graph.Initializers.Where(initializer => initializer.Read is not null))
        {
            var offset = (Length + Alignment - 1) / Alignment * Alignment;
            var place = new WeightPlace(initializer, offset, Initializer.LengthOf(initializer.Value, initializer.Shape));
            places[initializer] = place;
            Places.Add(place);
            Length = place.End;
        }
    }

    public string Name { get; }

    public List<WeightPlace> Places { get; } = [];

    /// <summary>Of the file.</summary>
    public long Length { get; }

    public WeightPlace PlaceOf(Initializer initializer) => places[initializer];

    /// <summary>Whether the same weights lie in the same places.</summary>
    public bool IsSameAs(WeightsLayout other) => Places.Select(Key).SequenceEqual(other.Places.Select(Key));

    private static (string Name, TensorElementType Type, string Shape, long Offset) Key(WeightPlace place) =>
        (place.Initializer.Value.Name, place.Initializer.Value.Type, string.Join(',', place.Initializer.Shape), place.Offset);
}

internal sealed record WeightPlace(Initializer Initializer, long Offset, long Length)
{
    public long End => Offset + Length;

    public ReadOnlyMemory<byte> Read()
    {
        var data = Initializer.Read!();
        Initializer.CheckLength(Initializer.Value, Initializer.Shape, data.Length);
        return data;
    }
}

/// <summary>Writes weights in the order of their places, and hashes them on the way.</summary>
internal static class WeightsFile
{
    /// <summary>Bytes of weights that are read ahead at most, unless a single one is larger.</summary>
    private const long Window = 1L << 30;

    private static readonly int MaxReaders = Math.Clamp(Environment.ProcessorCount, 2, 8);

    /// <returns>SHA-256 of the file, lower-case hexadecimal.</returns>
    public static async Task<string> WriteAsync(string path, WeightsLayout layout, IProgress<long>? written, CancellationToken ct)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.Read, FileOptions.Asynchronous, layout.Length);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var padding = new byte[WeightsLayout.Alignment];
        var reading = new Queue<(WeightPlace Place, Task<ReadOnlyMemory<byte>> Data)>();
        var end = 0L;
        try
        {
            for (var next = 0; reading.Count > 0 || next < layout.Places.Count;)
            {
                ct.ThrowIfCancellationRequested();
                next = ReadAhead(layout, next, reading, ct);
                var (place, data) = reading.Peek();
                var bytes = await data;
                reading.Dequeue();

                var writing = RandomAccess.WriteAsync(file, bytes, place.Offset, ct);
                hash.AppendData(padding, 0, (int)(place.Offset - end));
                hash.AppendData(bytes.Span);
                await writing;
                end = place.End;
                written?.Report(end);
            }

            RandomAccess.FlushToDisk(file);
            return Convert.ToHexStringLower(hash.GetCurrentHash());
        }
        finally
        {
            // Whoever disposes the source of the weights must find nobody reading from it.
            await Task.WhenAll(reading.Select(entry => (Task)entry.Data)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static int ReadAhead(WeightsLayout layout, int next, Queue<(WeightPlace Place, Task<ReadOnlyMemory<byte>> Data)> reading, CancellationToken ct)
    {
        var ahead = reading.Sum(entry => entry.Place.Length);
        while (next < layout.Places.Count && reading.Count < MaxReaders && (reading.Count == 0 || ahead + layout.Places[next].Length <= Window))
        {
            var place = layout.Places[next++];
            ahead += place.Length;
            reading.Enqueue((place, Task.Run(place.Read, ct)));
        }

        return next;
    }
}
