namespace I2V.Inference.Planning;

/// <summary>A step of the ladder: a set of techniques under a name. Each rung keeps the techniques of those above it.</summary>
/// <param name="Name">As jobs and workers report it.</param>
/// <param name="Techniques">What it does.</param>
/// <param name="Exact">False when the film differs from the one that is made without techniques.</param>
public sealed record Rung(string Name, Techniques Techniques, bool Exact)
{
    public const string Resident = "resident";
    public const string Sliced = "sliced";
    public const string EncodersReleased = "encoders_released";
    public const string SerialGuidance = "serial_guidance";
    public const string DenoiserReleased = "denoiser_released";
    public const string Streamed = "streamed";
    public const string Tiled = "tiled";
    public const string EightBit = "int8";
    public const string Windows = "windows";
}
