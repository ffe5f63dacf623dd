using System.Text.Json;
using System.Text.Json.Nodes;

namespace I2V.GpuProof;

/// <summary>What was measured in one run against what is required: time beside the reference's, memory of the whole process.</summary>
internal static class CheckSpeed
{
    private const double StepRatio = 0.68;
    private const double UnetBytes = 5.0e9;
    private const double UnetAndVaeBytes = 5.3e9;
    private const double AllBytes = 7.3e9;
    private const double DecodeSeconds = 0.33;
    private const string Size = "512x512x16";

    /// <param name="folder">With reference.json of speed.py, and steps.json, decode.json and clip.json of this program.</param>
    public static int Run(string folder)
    {
        var report = new Report(Path.Combine(folder, "check.json"));
        JsonElement Read(string name) => JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, name))).RootElement;
        var (reference, steps, decode, clip) = (Read("reference.json"), Read("steps.json"), Read("decode.json"), Read("clip.json"));

        foreach (var step in steps.EnumerateObject().Where(entry => entry.Name.StartsWith("step ", StringComparison.Ordinal)))
        {
            var size = step.Name[5..];
            var (ours, theirs) = (step.Value.GetProperty("ms_median").GetDouble(), reference.GetProperty($"step_eager_{size}").GetProperty("ms_median").GetDouble());
            var compiled = reference.TryGetProperty($"step_compiled_{size}", out var found) ? found.GetProperty("ms_median").GetDouble() : (double?)null;
            report.Add($"step {size}", new JsonObject { ["ms"] = ours, ["eager_ms"] = theirs, ["ratio"] = ours / theirs, ["compiled_ms"] = compiled });
            if (size == Size)
            {
                report.Require("step: share of the reference's eager step", ours / theirs, StepRatio);
            }
        }

        report.Require("UNet alone: bytes of the process", Process(steps, $"step {Size}"), UnetBytes);
        report.Require("UNet and VAE, a step: bytes of the process", Process(decode, $"step {Size}"), UnetAndVaeBytes);
        report.Require("UNet and VAE, decoding: bytes of the process", Process(decode, $"decode {Size}"), UnetAndVaeBytes);
        report.Require("decode: seconds", decode.GetProperty($"decode {Size}").GetProperty("seconds").GetDouble(), DecodeSeconds);
        report.Require("everything resident: bytes of the process", Process(clip, "clip"), AllBytes);
        return report.Finish();
    }

    private static double Process(JsonElement json, string stage) => json.GetProperty(stage).GetProperty("memory").GetProperty("process_bytes").GetDouble();
}
