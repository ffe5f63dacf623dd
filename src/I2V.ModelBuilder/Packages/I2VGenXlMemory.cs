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
internal static class I2VGenXlMemory
{
    /// <summary>Of the published denoiser's and autoencoder's first level.</summary>
    private const double UnetWidth = 320, VaeWidth = 128;

    /// <summary>1.009, 3.374 and 3.441 GB (10⁹) at 131,072, 442,368 and 450,560 voxels: 1.4 to 2 % below this line.</summary>
    private const double UnetVoxel = 7_700;

    private const long UnetFixed = 20_000_000;

    /// <summary>1.5 GB more at 131,072 voxels: the inner tensors of feed-forward layers.</summary>
    private const double WholeVoxel = 19_200;

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
        var step = unet * (fused ? UnetVoxel : WholeVoxel); // portable feed-forward layers are in one
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
            terms[$"unet.{ComponentVariant.Whole}"] = Term(UnetFixed, unet * WholeVoxel);
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

    private static int Pixels(int p) => p * p * 16 / 9;
}
