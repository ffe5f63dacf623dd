namespace I2V.Gateway.Storage;

/// <summary>A folder keeps no content types, so the key's extension says it: ours are few.</summary>
internal static class ContentTypes
{
    public const string Png = "image/png";
    public const string Jpeg = "image/jpeg";
    public const string Mp4 = "video/mp4";
    public const string Json = "application/json";
    public const string Bytes = "application/octet-stream";

    public static string Of(string key) => Path.GetExtension(key) switch
    {
        ".png" => Png,
        ".jpg" => Jpeg,
        ".mp4" => Mp4,
        ".json" => Json,
        _ => Bytes,
    };
}
