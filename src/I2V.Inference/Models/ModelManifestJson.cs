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
    public static ModelManifest Read(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize<ModelManifest>(json, Options) ?? throw new JsonException("It is null.");

    public static byte[] Write(ModelManifest manifest) => [.. JsonSerializer.SerializeToUtf8Bytes(manifest, Options), (byte)'\n'];
}
