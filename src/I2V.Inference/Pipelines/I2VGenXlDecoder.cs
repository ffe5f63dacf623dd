using I2V.Inference.Imaging;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Planning;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>Latents → frames, a few at a time.</summary>
/// <param name="latent">The model's latents.</param>
/// <param name="tiling">How large pictures are cut where that is asked for.</param>
/// <param name="pixelsPerCall">Pixels decoded at once, at least a frame: the usual bound on memory, which grows with them, and on how late a cancellation can be.</param>
internal sealed class I2VGenXlDecoder(LatentFacts latent, Tiling tiling, int pixelsPerCall = Ladder.UsualPixelsPerDecode)
{
    /// <summary>The next frames of a film, as many as are made in one call.</summary>
    /// <param name="decoder">The network.</param>
    /// <param name="latents">[channels, frames, height, width], scaled.</param>
    /// <param name="shape">Of the film.</param>
    /// <param name="first">The first of them, from 0.</param>
    /// <param name="techniques">Say how many, and whether in tiles.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    public IReadOnlyList<RgbImage> Decode(INetwork decoder, float[] latents, FilmShape shape, int first, Techniques techniques, CancellationToken ct)
    {
        var (width, height) = (shape.Width * latent.Spatial, shape.Height * latent.Spatial);
        var framesPerCall = techniques.FramesPerDecode > 0 ? techniques.FramesPerDecode : Math.Max(1, pixelsPerCall / (width * height));
        var count = Math.Min(framesPerCall, shape.Frames - first);
        var planes = Planes(decoder, latents, shape, first, count, techniques.Tiled, ct);
        return [.. Enumerable.Range(0, count).Select(i => Frame(planes, i, first + i, width, height))];
    }

    /// <summary>[count, 3, height, width] of some frames, about −1 … 1.</summary>
    internal float[] Planes(INetwork decoder, float[] latents, FilmShape shape, int first, int count, bool tiled, CancellationToken ct)
    {
        var selected = Select(latents, shape, first, count);
        if (!tiled || !tiling.IsNeeded(shape.Height, shape.Width))
        {
            return Run(decoder, selected, count, shape.Height, shape.Width, ct);
        }

        return tiling.Assemble(shape.Height, shape.Width, count * 3, latent.Spatial, (rows, columns) =>
            Run(decoder, Tiling.Cut(selected, shape.Height, shape.Width, 1, rows, columns), count, rows.Count, columns.Count, ct));
    }

    private float[] Run(INetwork decoder, float[] latents, int count, int height, int width, CancellationToken ct)
    {
        using var input = HostTensor.Of(latents, count, latent.Channels, height, width);
        var sizes = new Dictionary<string, long> { ["b"] = count, ["h"] = height, ["w"] = width };
        return decoder.RunToArray(sizes, new Dictionary<string, OrtValue> { ["latents"] = input }, "image", ct);
    }

    /// <summary>[count, channels, height, width] of some frames, without the scaling.</summary>
    private float[] Select(float[] latents, FilmShape shape, int first, int count)
    {
        var inverse = (float)(1 / latent.Scaling);
        var selected = new float[count * shape.Channels * shape.Plane];
        for (var i = 0; i < selected.Length; i++)
        {
            var (frame, channel, pixel) = (first + (i / (shape.Channels * shape.Plane)), i / shape.Plane % shape.Channels, i % shape.Plane);
            selected[i] = inverse * latents[(((channel * shape.Frames) + frame) * shape.Plane) + pixel];
        }

        return selected;
    }

    private static RgbImage Frame(float[] frames, int index, int number, int width, int height)
    {
        var size = 3 * width * height;
        var planes = frames.AsSpan(index * size, size);
        FiniteCheck.Require(planes, GenerationPhase.Decoding, $"frame {number + 1}");
        return PictureTensors.ToImage(planes, width, height);
    }
}
