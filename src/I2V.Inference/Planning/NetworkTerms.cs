using I2V.Inference.Models;

namespace I2V.Inference.Planning;

/// <summary>Weights and runs of a package's networks under techniques, from its manifest; generous guesses where that has no terms.</summary>
internal sealed class NetworkTerms(ModelManifest manifest)
{
    /// <summary>
    /// For packages without terms, each above what I2VGen-XL's networks were measured to need: text and image encoder take 0.1 GB,
    /// the decoder 84 kB a latent pixel, the denoiser 7.7 kB a voxel, 19 kB with feed-forward layers in one.
    /// </summary>
    private static readonly MemoryTerm
        UnknownSequence = new(256L << 20, 0),
        UnknownPicture = new(0, 256 << 10),
        UnknownConditioning = new(0, 4 << 10),
        UnknownDenoiser = new(0, 24 << 10),
        UnknownDecoder = new(0, 128 << 10);

    // Films that are made without latents go through their network as 32-bit numbers, a million pixels at a time.
    private const int UnknownBytesPerPixel = 128;
    private const int LeastPixelsPerRun = 1 << 20;

    /// <summary>Bytes besides weights of a family that runs in one piece.</summary>
    public double WholeRun(PlanRequest settings)
    {
        var pixels = Math.Max((double)settings.Width * settings.Height, LeastPixelsPerRun);
        if (manifest.Latent is not { } latent)
        {
            return manifest.Components.Keys.Max(name => Bytes([name], pixels, new MemoryTerm(0, UnknownBytesPerPixel)));
        }

        var size = LatentSize.Of(latent, settings);
        return manifest.Components.Keys.Max(name => Bytes([name], (settings.Guided ? 2.0 : 1.0) * size.Frames * size.Plane, UnknownDenoiser));
    }

    public double EncoderRun(NetworkRoles roles, string encoder, PlanRequest settings, Techniques techniques)
    {
        var size = LatentSize.Of(manifest.Latent!, settings);
        if (encoder == roles.Conditioning)
        {
            return Bytes([encoder], (settings.Guided ? 2.0 : 1.0) * size.Frames * size.Plane, UnknownConditioning);
        }

        return encoder == roles.PictureEncoder
            ? Bytes([encoder], techniques.Tiled ? size.TilePlane : size.Plane, UnknownPicture)
            : Bytes([encoder], 0, UnknownSequence);
    }

    public double DenoiserRun(NetworkRoles roles, PlanRequest settings, Techniques techniques)
    {
        var voxels = LatentSize.Of(manifest.Latent!, settings).VoxelsOfRun(settings.Guided, techniques);
        return Bytes(DenoiserNames(roles.Denoiser, techniques), voxels, UnknownDenoiser);
    }

    public double DecoderRun(NetworkRoles roles, PlanRequest settings, Techniques techniques)
    {
        var size = LatentSize.Of(manifest.Latent!, settings);
        var frames = Ladder.FramesPerDecode(settings, techniques);
        return Bytes([roles.Decoder], (double)frames * (techniques.Tiled ? size.TilePlane : size.Plane), UnknownDecoder);
    }

    /// <summary>Bytes of all the denoiser's weights, wherever they lie.</summary>
    public long DenoiserWeights(NetworkRoles roles, Techniques techniques)
    {
        var component = manifest.Components[roles.Denoiser];
        return VariantOf(component, techniques)?.WeightBytes ?? component.WeightBytes;
    }

    /// <summary>Bytes of the two places that a streamed denoiser's units take turns in.</summary>
    public long PlacesBytes(NetworkRoles roles, Techniques techniques) =>
        UnitsOf(roles, techniques) is { Count: > 0 } units ? 2 * units.Max(unit => unit.WeightBytes) : DenoiserWeights(roles, techniques);

    /// <summary>Units that a streamed denoiser is cut into.</summary>
    public int UnitCount(NetworkRoles roles, Techniques techniques) => UnitsOf(roles, techniques)?.Count ?? 0;

    private IReadOnlyList<ComponentUnit>? UnitsOf(NetworkRoles roles, Techniques techniques)
    {
        var component = manifest.Components[roles.Denoiser];
        return VariantOf(component, techniques)?.Units ?? component.Units;
    }

    private static ComponentVariant? VariantOf(ModelComponent component, Techniques techniques) => techniques switch
    {
        { EightBit: true } => component.Variants?.GetValueOrDefault("int8"),
        { Streamed: false, ChunkedFeedForward: false } => component.Variants?.GetValueOrDefault("whole"),
        _ => null,
    };

    /// <summary>Where its term may be, the best place first; the last is the network as its graph is.</summary>
    private string[] DenoiserNames(string denoiser, Techniques techniques) => techniques switch
    {
        { Streamed: true, EightBit: true } => [$"{denoiser}.int8.units", $"{denoiser}.units", denoiser],
        { Streamed: true } => [$"{denoiser}.units", denoiser],
        { EightBit: true } => [$"{denoiser}.int8", denoiser],
        { ChunkedFeedForward: false } when VariantOf(manifest.Components[denoiser], techniques) is not null => [$"{denoiser}.whole", denoiser],
        _ => [denoiser],
    };

    /// <summary>A variant without a term of its own needs what is known of the network, and no less than a guess.</summary>
    private double Bytes(string[] names, double voxels, MemoryTerm guess)
    {
        double Of(MemoryTerm term) => term.FixedBytes + (term.BytesPerVoxel * voxels);
        var plain = manifest.Memory?.GetValueOrDefault(names[^1]);
        var own = names.Select(name => manifest.Memory?.GetValueOrDefault(name)).FirstOrDefault(term => term is not null);
        return own is not null && (names.Length == 1 || !ReferenceEquals(own, plain)) ? Of(own) : Math.Max(Of(guess), plain is null ? 0 : Of(plain));
    }
}
