using System.Text.Json.Nodes;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// A step of the denoiser: as everything resident runs it, with feed-forward layers in parts, guidance halves one after the
/// other, streamed, and in 8 bits.
/// </summary>
internal sealed class DenoiserTechniques(ModelPackage package, Options options, FilmSize size, Report report, TechniqueLimits limits)
{
    private const string Unet = "unet";

    private readonly NetworkLoader loader = new(package, options.Device);

    /// <returns>Null: every figure is in the report.</returns>
    public JsonNode? Run()
    {
        var resident = NetworkChoice.OfDenoiser(package.Manifest, Unet, Techniques.None);
        StepInputs inputs;
        float[] plain;
        using (var network = Network.Load(package, Unet, options.Device, resident.Variant))
        {
            inputs = new StepInputs(network, package.Manifest, size);
            plain = inputs.Run(network);
            report.Stage($"denoiser {size} again", () => Deviation.OfRepeat(inputs.Run(network), plain));
            Compare("serial guidance", () => inputs.RunSerially(network), plain, exact: true);
        }

        foreach (var way in NetworkWay.Of(package.Manifest, Unet).Where(way => way.Choice != resident && options.Takes(way.Name)))
        {
            report.Stage($"denoiser {size} {way.Name} loaded", () => Compare(way, inputs, plain));
        }

        return null;
    }

    private JsonNode? Compare(NetworkWay way, StepInputs inputs, float[] plain)
    {
        using var network = loader.Load(way.Choice);
        Compare(way.Name, () => inputs.Run(network), plain, way.Exact);
        Compare($"{way.Name}, serial guidance", () => inputs.RunSerially(network), plain, way.Exact);
        return null;
    }

    private void Compare(string name, Func<float[]> run, float[] plain, bool exact)
    {
        var title = $"denoiser {size} {name}";
        var limit = limits.Of([$"unet-{StepInputs.Halves}x{size.Frames}x{size.Height / 8}x{size.Width / 8}"], "noise_pred");
        report.Stage(title, () => Deviation.Of(report, title, run(), plain, exact ? limit : limit + NetworkWay.EightBitLimit));
    }
}
