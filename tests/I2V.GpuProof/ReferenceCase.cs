using System.Text.Json;
using I2V.Inference.Native;
using I2V.ModelBuilder.Weights;

namespace I2V.GpuProof;

/// <summary>What a network was given by the reference and what it answered; see models/reference/README.md.</summary>
internal sealed class ReferenceCase(string folder, ulong seed, JsonElement told)
{
    public string Name => told.GetProperty("name").GetString()!;

    public string Component => told.GetProperty("component").GetString()!;

    public static IEnumerable<ReferenceCase> Read(string folder)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "fullsize.json")));
        var root = json.RootElement.Clone();
        var seed = root.GetProperty("versions").GetProperty("input_seed").GetUInt64();
        return [.. root.EnumerateObject().Where(entry => entry.Name.StartsWith("network ", StringComparison.Ordinal)).Select(entry => new ReferenceCase(folder, seed, entry.Value))];
    }

    /// <summary>PyTorch fp16's own relative error.</summary>
    public static double HalfError(string folder, string name, string output) =>
        FindHalfError(folder, name, output) ?? throw new InvalidDataException($"{folder} does not tell how far the reference's fp16 is off for {output} of {name}.");

    /// <summary>The same; null where it was not measured.</summary>
    public static double? FindHalfError(string folder, string name, string output)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "fullsize.json")));
        return json.RootElement.TryGetProperty($"fp16 {name}", out var found) && found.TryGetProperty(output, out var told)
            ? told.GetProperty("relative").GetDouble()
            : null;
    }

    public bool Has(string input) => told.GetProperty("inputs").TryGetProperty(input, out _);

    public OrtValue Floats(string input)
    {
        var given = told.GetProperty("inputs").GetProperty(input);
        if (!given.TryGetProperty("stream", out var stream))
        {
            var values = given.GetProperty("values").EnumerateArray().Select(value => value.GetSingle()).ToArray();
            return OrtValue.CreateTensorValueFromMemory(values, [values.Length]);
        }

        var shape = given.GetProperty("shape").EnumerateArray().Select(value => value.GetInt64()).ToArray();
        var made = new float[shape.Aggregate(1L, (product, size) => product * size)];
        var name = stream.GetString()!;
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        new RandomWeights(name[..slash], seed).Read(name[(slash + 1)..], [made.Length], made);
        return OrtValue.CreateTensorValueFromMemory(made, shape);
    }

    public OrtValue Ids(string input)
    {
        var rows = told.GetProperty("inputs").GetProperty(input).GetProperty("values").EnumerateArray()
            .Select(row => row.EnumerateArray().Select(value => value.GetInt64()).ToArray()).ToArray();
        return OrtValue.CreateTensorValueFromMemory(rows.SelectMany(row => row).ToArray(), [rows.Length, rows[0].Length]);
    }

    public float[] Expected(string output)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, "networks", $"{Name}.safetensors"));
        return file.Read(output);
    }
}
