namespace I2V.Inference.Planning;

/// <summary>
/// What a pipeline does to need less of the device's memory. The exact ones cost time and nothing else; the inexact ones
/// (<see cref="Tiled"/>, <see cref="EightBit"/>, <see cref="WindowFrames"/>) change the film a little, and a job says so.
/// </summary>
public sealed record Techniques
{
    /// <summary>Frames that the autoencoder decodes in one call; 0 for as many as its usual bound on pixels allows.</summary>
    public int FramesPerDecode { get; init; }

    /// <summary>Feed-forward layers of the widest levels in parts.</summary>
    public bool ChunkedFeedForward { get; init; }

    /// <summary>Text and image encoders, and the autoencoder's encoder, leave the device before the denoiser comes or works.</summary>
    public bool EncodersReleased { get; init; }

    /// <summary>The guidance halves one after the other.</summary>
    public bool SerialGuidance { get; init; }

    /// <summary>The decoder is on the device only while frames are decoded.</summary>
    public bool DecoderReleased { get; init; }

    /// <summary>The denoiser is on the device only for its steps: it leaves before frames are decoded, and comes when the encoders are gone.</summary>
    public bool DenoiserReleased { get; init; }

    /// <summary>The denoiser's weights stay in the processor's memory; each unit's are on the device while it works and the next one's are copied.</summary>
    public bool Streamed { get; init; }

    /// <summary>Pictures go through the autoencoder in overlapping tiles, blended. Inexact.</summary>
    public bool Tiled { get; init; }

    /// <summary>The denoiser's 8-bit weights, where the package has them. Inexact.</summary>
    public bool EightBit { get; init; }

    /// <summary>Frames that are denoised together, in overlapping windows; 0 for all. Inexact.</summary>
    public int WindowFrames { get; init; }

    public static Techniques None { get; } = new();

    /// <summary>Names for people and programs, in the order of the ladder; none when everything is done at once and resident.</summary>
    public IReadOnlyList<string> Names =>
    [
        .. Named(FramesPerDecode > 0, "vae_slicing"),
        .. Named(ChunkedFeedForward, "chunked_feed_forward"),
        .. Named(EncodersReleased, "encoders_released"),
        .. Named(SerialGuidance, "serial_guidance"),
        .. Named(DecoderReleased, "decoder_released"),
        .. Named(DenoiserReleased, "denoiser_released"),
        .. Named(Streamed, "streamed_denoiser"),
        .. Named(Tiled, "vae_tiling"),
        .. Named(EightBit, "int8_weights"),
        .. Named(WindowFrames > 0, "temporal_windows"),
    ];

    private static IEnumerable<string> Named(bool used, string name) => used ? [name] : [];
}
