using System.Text.Json;
using System.Text.RegularExpressions;

namespace I2V.Tests.ModelBuilder;

/// <summary>The part of JSON Schema that our schemas use; a keyword that it does not know is an error, so that none is silently ignored.</summary>
internal static class SchemaCheck
{
    private const string Definition = "#/$defs/";

    private static readonly string[] Annotations = ["$schema", "$defs", "title", "description"];

    public static List<string> Problems(JsonElement schema, JsonElement value) => Problems(schema, schema, value, "$");

    private static List<string> Problems(JsonElement root, JsonElement schema, JsonElement value, string path)
    {
        var problems = new List<string>();
        foreach (var keyword in schema.EnumerateObject().Where(keyword => !Annotations.Contains(keyword.Name)))
        {
            problems.AddRange(Check(root, keyword.Name, keyword.Value, schema, value, path));
        }

        return problems;
    }

    private static IEnumerable<string> Check(JsonElement root, string keyword, JsonElement rule, JsonElement schema, JsonElement value, string path) => keyword switch
    {
        "$ref" => Problems(root, root.GetProperty("$defs").GetProperty(rule.GetString()![Definition.Length..]), value, path),
        "type" => Expect(IsType(rule.GetString()!, value), path, $"must be {rule}"),
        "enum" => Expect(rule.EnumerateArray().Any(allowed => JsonElement.DeepEquals(allowed, value)), path, $"must be one of {rule}"),
        "pattern" => Expect(Regex.IsMatch(value.GetString()!, rule.GetString()!), path, $"must match {rule}"),
        "minimum" => Expect(value.GetDouble() >= rule.GetDouble(), path, $"must be at least {rule}"),
        "maximum" => Expect(value.GetDouble() <= rule.GetDouble(), path, $"must be at most {rule}"),
        "items" => value.EnumerateArray().SelectMany((item, i) => Problems(root, rule, item, $"{path}[{i}]")),
        "required" => rule.EnumerateArray().SelectMany(name => Expect(value.TryGetProperty(name.GetString()!, out _), path, $"must have {name}")),
        "properties" => rule.EnumerateObject().SelectMany(property =>
            value.TryGetProperty(property.Name, out var found) ? Problems(root, property.Value, found, $"{path}.{property.Name}") : []),
        "additionalProperties" => value.EnumerateObject()
            .Where(property => !schema.TryGetProperty("properties", out var known) || !known.TryGetProperty(property.Name, out _))
            .SelectMany(property => rule.ValueKind == JsonValueKind.False
                ? [$"{path} must not have {property.Name}"]
                : Problems(root, rule, property.Value, $"{path}.{property.Name}")),
        _ => throw new NotSupportedException($"This check does not know the keyword {keyword}."),
    };

    private static IEnumerable<string> Expect(bool holds, string path, string rule) => holds ? [] : [$"{path} {rule}"];

    private static bool IsType(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        _ => throw new NotSupportedException($"This check does not know the type {type}."),
    };
}
