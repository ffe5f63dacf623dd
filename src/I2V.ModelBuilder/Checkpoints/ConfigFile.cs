using System.Text.Json;

namespace I2V.ModelBuilder.Checkpoints;

/// <summary>One JSON file of a checkpoint. Every refusal names the file and the property.</summary>
/// <param name="path">Of the file.</param>
/// <param name="name">As the user knows it: relative to the checkpoint.</param>
/// <param name="root">Its content.</param>
internal sealed class ConfigFile(string path, string name, JsonElement root)
{
    private const long MaxBytes = 16 << 20;

    private readonly HashSet<string> known = [];

    public string Name => name;

    /// <exception cref="CheckpointException">It is missing or not a JSON object.</exception>
    public static ConfigFile Read(string folder, string name) =>
        TryRead(folder, name) ?? throw new CheckpointException($"{Path.Combine(folder, name)} is missing: name the folder of a whole checkpoint.");

    /// <summary>Null when there is no such file.</summary>
    public static ConfigFile? TryRead(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        try
        {
            if (new FileInfo(path) is not { Exists: true } file)
            {
                return null;
            }

            if (file.Length > MaxBytes)
            {
                throw new CheckpointException($"{path} has {file.Length} bytes, which is too much for a configuration.");
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigFile(path, name, document.RootElement.Clone())
                : throw new CheckpointException($"{path} must hold a JSON object.");
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path} cannot be read: {error.Message}", error);
        }
    }

    public bool Has(string property) => root.TryGetProperty(property, out var value) && value.ValueKind != JsonValueKind.Null;

    public int Int(string property, int? fallback = null) =>
        Get(property, fallback, value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null, "a whole number");

    public double Double(string property, double? fallback = null) =>
        Get(property, fallback, value => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null, "a number");

    public bool Bool(string property, bool fallback) =>
        Get(property, fallback, value => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : (bool?)null, "true or false");

    public string Text(string property, string? fallback = null) =>
        Find(property) is not { } value ? fallback ?? throw Missing(property)
        : value.ValueKind == JsonValueKind.String ? value.GetString()!
        : throw Wrong(property, value, "a text");

    public IReadOnlyList<int> Ints(string property) => List<int>(property, value => value.TryGetInt32(out var number) ? number : null, "whole numbers");

    public IReadOnlyList<double> Doubles(string property) => List<double>(property, value => value.GetDouble(), "numbers");

    public IReadOnlyList<string> Texts(string property) =>
        Find(property) is { ValueKind: JsonValueKind.Array } list && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String)
            ? [.. list.EnumerateArray().Select(item => item.GetString()!)]
            : throw (Find(property) is { } value ? Wrong(property, value, "a list of texts") : Missing(property));

    /// <summary>The object under a property, or null.</summary>
    public ConfigFile? Object(string property) =>
        Find(property) is { ValueKind: JsonValueKind.Object } value ? new ConfigFile(path, $"{name} {property}", value) : null;

    public bool IsText(string property) => Find(property) is { ValueKind: JsonValueKind.String };

    public bool IsNumber(string property) => Find(property) is { ValueKind: JsonValueKind.Number };

    public bool IsList(string property) => Find(property) is { ValueKind: JsonValueKind.Array };

    /// <summary>Refuses any value but one; a property that is left out has it.</summary>
    /// <param name="property">Of the file.</param>
    /// <param name="json">The value, as JSON.</param>
    public void Require(string property, string json)
    {
        using var wanted = JsonDocument.Parse(json);
        if (Find(property) is { } value && !JsonElement.DeepEquals(value, wanted.RootElement))
        {
            throw new CheckpointException($"{path} has {property} = {Short(value)}; the network is only known with {json}.");
        }
    }

    /// <summary>Properties that change nothing in the arithmetic.</summary>
    public void Ignore(params ReadOnlySpan<string> properties)
    {
        foreach (var property in properties)
        {
            known.Add(property);
        }
    }

    /// <summary>Refuses what nobody has asked for, since it may change the arithmetic. Names that begin with _ are notes.</summary>
    public void RefuseUnknown()
    {
        var unknown = root.EnumerateObject().Where(property => !known.Contains(property.Name) && !property.Name.StartsWith('_')).ToList();
        if (unknown.Count > 0)
        {
            throw new CheckpointException($"{path} has {string.Join(", ", unknown.Select(property => $"{property.Name} = {Short(property.Value)}"))}, which the network's known form does not have.");
        }
    }

    public CheckpointException Refuse(string property, string wanted) =>
        Find(property) is { } value ? Wrong(property, value, wanted) : Missing(property);

    private T Get<T>(string property, T? fallback, Func<JsonElement, T?> read, string kind)
        where T : struct =>
        Find(property) is not { } value ? fallback ?? throw Missing(property) : read(value) ?? throw Wrong(property, value, kind);

    private List<T> List<T>(string property, Func<JsonElement, T?> read, string kind)
        where T : struct
    {
        var value = Find(property) ?? throw Missing(property);
        var items = value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number ? read(item) : null).ToList()
            : [null];
        return items.TrueForAll(item => item is not null) ? [.. items.Select(item => item!.Value)] : throw Wrong(property, value, $"a list of {kind}");
    }

    /// <summary>Null when it is left out or null, which mean the same.</summary>
    private JsonElement? Find(string property)
    {
        known.Add(property);
        return root.TryGetProperty(property, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    private CheckpointException Missing(string property) => new($"{path} has no {property}.");

    private CheckpointException Wrong(string property, JsonElement value, string wanted) =>
        new($"{path} has {property} = {Short(value)}, but it must be {wanted}.");

    private static string Short(JsonElement value) => value.GetRawText() is { Length: > 80 } text ? text[..80] + "…" : value.GetRawText();
}
