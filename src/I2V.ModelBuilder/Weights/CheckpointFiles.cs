using System.Text.Json;

namespace I2V.ModelBuilder.Weights;

/// <summary>Finds which files of a component's folder hold its weights.</summary>
internal static class CheckpointFiles
{
    private const long MaxIndex = 100_000_000;

    /// <summary>What is looked for, the best first: full precision before half, safetensors before torch archives.</summary>
    internal static readonly string[] Names =
    [
        "diffusion_pytorch_model.safetensors",
        "model.safetensors",
        "diffusion_pytorch_model.safetensors.index.json",
        "model.safetensors.index.json",
        "diffusion_pytorch_model.fp16.safetensors",
        "model.fp16.safetensors",
        "diffusion_pytorch_model.safetensors.index.fp16.json",
        "model.safetensors.index.fp16.json",
        "diffusion_pytorch_model.bin",
        "pytorch_model.bin",
        "diffusion_pytorch_model.bin.index.json",
        "pytorch_model.bin.index.json",
        "diffusion_pytorch_model.fp16.bin",
        "pytorch_model.fp16.bin",
    ];

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>The file in <paramref name="folder"/> that is the weights or lists their shards.</summary>
    /// <exception cref="WeightsException">There is none.</exception>
    public static string Find(string folder) =>
        Names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new WeightsException($"{folder} holds no weights: looked for {string.Join(", ", Names)}.");

    /// <summary>Key → path of the shard that holds it.</summary>
    /// <exception cref="WeightsException">The index cannot be read, or names a file that is missing or outside its folder.</exception>
    public static IReadOnlyDictionary<string, string> ReadIndex(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        var shards = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            if (new FileInfo(path).Length > MaxIndex)
            {
                throw new WeightsException($"{path} has more than {MaxIndex} bytes: it is no index of shards.");
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path), Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out var map)
                || map.ValueKind != JsonValueKind.Object)
            {
                throw new WeightsException($"{path} has no weight_map: it should be an object of keys and file names.");
            }

            foreach (var entry in map.EnumerateObject())
            {
                shards.Add(entry.Name, Path.Combine(folder, ShardName(path, entry)));
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{path} cannot be read: {error.Message}", error);
        }

        var missing = shards.Values.Distinct(StringComparer.Ordinal).Where(shard => !File.Exists(shard)).Select(Path.GetFileName).ToList();
        return missing.Count == 0
            ? shards
            : throw new WeightsException($"{path} names files that are not in its folder: {string.Join(", ", missing)}.");
    }

    private static string ShardName(string path, JsonProperty entry)
    {
        var name = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
        return name.Length > 0 && name is not ("." or "..") && name.AsSpan().IndexOfAny("/\\:\0") < 0
            ? name
            : throw new WeightsException($"{path} says that {entry.Name} is in {entry.Value.GetRawText()}, which is not the name of a file in its folder.");
    }
}
