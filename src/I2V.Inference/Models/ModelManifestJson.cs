using System.Text.Json;
using System.Text.Json.Serialization;

namespace I2V.Inference.Models;

/// <summary>Reads and writes <c>manifest.json</c>: snake_case names, LF line ends, the same bytes for the same manifest.</summary>
public static class ModelManifestJson
{
    public const string FileName = "manifest.json";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        WriteIndented = true,
        NewLine = "\n",
    };

    /// <exception cref="JsonException">Not JSON, a property is missing, or one has a value of the wrong kind.</exception>
    public static ModelManifest Read(ReadOnlySpan<byte> json)
    {
        RefuseNulls(json);
        return JsonSerializer.Deserialize<ModelManifest>(json, Options)!;
    }

    /// <summary>What has no value is left out of a manifest, so that lists and dictionaries hold no nulls, which the serializer would let pass.</summary>
    private static void RefuseNulls(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.Null)
            {
                throw new JsonException($"The value at byte {reader.TokenStartIndex} is null: leave out what has no value.");
            }
        }
    }

    public static byte[] Write(ModelManifest manifest) => [.. JsonSerializer.SerializeToUtf8Bytes(manifest, Options), (byte)'\n'];
}
