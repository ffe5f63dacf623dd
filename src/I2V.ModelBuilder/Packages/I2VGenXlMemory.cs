using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;

namespace I2V.ModelBuilder.Packages;

/// <summary>
/// What runs of the networks of I2VGen-XL need besides weights, before anything is measured on a card: fixed bytes, and bytes
/// for each voxel, a latent pixel of a frame. Bytes were read from the driver with fused graphs in fp16 at the published size;
/// those of a voxel are taken times (first width / published first width) · (bytes of an element / 2), which is how tensors
/// grow, and fixed ones times the latter; what sessions hold is the same for all. For other targets and sizes the figures are
/// estimates.
/// </summary>
/// <remarks>
/// The denoiser's terms follow from lists of measured runs, so that a run that was measured later corrects them with a line: bytes of
/// a voxel = (1 + <see cref="UnetMargin"/>) · the most of (bytes − <see cref="UnetFixed"/>) / voxels over the list. The planner
/// adds 2 % of its own (<see cref="Inference.Planning.MemoryModel.Safety"/>).
/// </remarks>
internal static class I2VGenXlMemory
{
    /// <summary>Of the published denoiser's and autoencoder's first level.</summary>
    private const double UnetWidth = 320, VaeWidth = 128;

    private const long UnetFixed = 20_000_000;

    /// <summary>For sizes between those that were measured.</summary>
    private const double UnetMargin = 0.01;

    /// <summary>
    /// Feed-forward layers in parts: voxels of a run with both guidance halves (2 · frames · height/8 · width/8) and the bytes it takes
    /// besides weights, at 512×512×16, 768×768×24 and 1280×704×16: 7,546 to 7,593 bytes for a voxel.
    /// </summary>
    private static readonly (long Voxels, double Bytes)[] UnetRuns = [(131_072, 1.009e9), (442_368, 3.374e9), (450_560, 3.441e9)];

    /// <summary>
    /// Feed-forward layers in one, so that their wide inner tensors are there whole. At 512×512×16 a whole process took 8.27 GB (10⁹)
    /// with everything resident, and 6.76 GB with nothing else changed but these layers in parts (docs/measurements/fitting.md): 1.51 GB
    /// more than 1.009 GB. For a voxel: (2.519 − 0.02) · 10⁹ / 131,072 = 19,066 bytes. With both margins, and all networks' 4.96 GB
    /// of weights, 0.25 GB for six sessions and 0.65 GB for the context, 8.46 GB are predicted: 2.2 % above what was measured.
    /// </summary>
    private static readonly (long Voxels, double Bytes)[] WholeRuns = [(131_072, 2.519e9)];

    /// <summary>
    /// What 85 sessions hold besides tensors and weights: with it the prediction is just above the 4.18 GB that a process of
    /// the published size took at most, streaming (docs/measurements/fitting.md).
    /// </summary>
    private const long UnitsFixed = 2_800_000_000;

    /// <summary>The matrices of the widest feed-forward layer, written out for as long as they are used; they grow with the square of the width.</summary>
    private const long EightBitFixed = 40_000_000;

    /// <summary>0.683 GB for two frames of 64 × 64 latent pixels.</summary>
    private const double DecoderVoxel = 83_400;

    /// <summary>Plain operators keep more tensors at once: group norms are six of them.</summary>
    private const double PortableVae = 2;

    private const long EncoderFixed = 50_000_000, ConditioningFixed = 100_000_000;

    /// <summary>
    /// The largest films by free memory where nothing was measured: 512p and 16 frames below 12 GB, 768p and 24 below 16 GB,
    /// else 1024p and 32; GB are 2³⁰ bytes, and Np is a picture of at most N²·16/9 pixels.
    /// </summary>
    public static IReadOnlyList<EnvelopeLine> Envelope { get; } =
        [new(12L << 30, Pixels(512), 16), new(16L << 30, Pixels(768), 24), new(null, Pixels(1024), 32)];

    /// <summary>Component, <c>component.variant</c>, <c>component.units</c> or <c>component.variant.units</c> → what a run needs.</summary>
    public static IReadOnlyDictionary<string, MemoryTerm> Terms(I2VGenXlConfigs configs, PackageSettings settings)
    {
        var (fused, element) = (settings.Target == Target.Fused, TensorElementTypes.SizeOf(settings.Precision) / 2.0);
        var vae = configs.Vae.BlockOutChannels[0] / VaeWidth * element * (fused ? 1 : PortableVae);
        var width = configs.Unet.BlockOutChannels[0] / UnetWidth;
        var unet = width * element;
        var whole = unet * BytesPerVoxel(WholeRuns);
        var step = fused ? unet * BytesPerVoxel(UnetRuns) : whole; // portable feed-forward layers are in one
        var terms = new Dictionary<string, MemoryTerm>
        {
            ["text_encoder"] = Term(EncoderFixed, 0),
            ["image_encoder"] = Term(EncoderFixed, 0),
            ["vae_encoder"] = Term(0, vae * DecoderVoxel / 2),
            ["vae_decoder"] = Term(0, vae * DecoderVoxel),
            ["conditioning"] = Term(ConditioningFixed, 0),
            ["unet"] = Term(UnetFixed, step),
            ["unet.units"] = Units(UnetFixed),
        };
        if (fused)
        {
            terms[$"unet.{ComponentVariant.Whole}"] = Term(UnetFixed, whole);
        }

        if (settings.EightBit)
        {
            var matrices = (long)(EightBitFixed * width * width);
            terms[$"unet.{ComponentVariant.EightBit}"] = Term(UnetFixed + matrices, step);
            terms[$"unet.{ComponentVariant.EightBit}.units"] = Units(UnetFixed + matrices);
        }

        return terms;

        MemoryTerm Units(long fixedBytes) => Term(fixedBytes, step) with { FixedBytes = (long)(fixedBytes * element) + UnitsFixed };

        MemoryTerm Term(long fixedBytes, double bytesPerVoxel) => new((long)(fixedBytes * element), bytesPerVoxel);
    }

    private static double BytesPerVoxel(IEnumerable<(long Voxels, double Bytes)> runs) =>
        Math.Round((1 + UnetMargin) * runs.Max(run => (run.Bytes - UnetFixed) / run.Voxels));

    private static int Pixels(int p) => p * p * 16 / 9;
}
