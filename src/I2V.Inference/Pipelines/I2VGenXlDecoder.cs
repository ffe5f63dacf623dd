using I2V.Inference.Imaging;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>Latents → frames, a few at a time.</summary>
/// <param name="decoder">The network.</param>
/// <param name="latent">The model's latents.</param>
/// <param name="pixelsPerCall">Pixels decoded at once, at least a frame: the bound on memory, which grows with them, and on how late a cancellation can be.</param>
internal sealed class I2VGenXlDecoder(Network decoder, LatentFacts latent, int pixelsPerCall = I2VGenXlDecoder.DefaultPixelsPerCall)
{
    private const int DefaultPixelsPerCall = 2 * 512 * 512;

    /// <summary>Yields the frames in order. The next few are computed when the last of those before was taken.</summary>
    /// <param name="latents">[channels, frames, height, width], scaled.</param>
    /// <param name="shape">Of the film.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    public IEnumerable<RgbImage> Decode(float[] latents, FilmShape shape, CancellationToken ct)
    {
        var (width, height) = (shape.Width * latent.Spatial, shape.Height * latent.Spatial);
        var framesPerCall = Math.Max(1, pixelsPerCall / (width * height));
        for (var first = 0; first < shape.Frames; first += framesPerCall)
        {
            var count = Math.Min(framesPerCall, shape.Frames - first);
            using var frames = Run(Select(latents, shape, first, count), shape, count, ct);
            for (var i = 0; i < count; i++)
            {
                ct.ThrowIfCancellationRequested();
                yield return Frame(frames, i, first + i, width, height);
            }
        }
    }

    private OrtValue Run(float[] latents, FilmShape shape, int count, CancellationToken ct)
    {
        using var input = HostTensor.Of(latents, count, shape.Channels, shape.Height, shape.Width);
        var sizes = new Dictionary<string, long> { ["b"] = count, ["h"] = shape.Height, ["w"] = shape.Width };
        return decoder.Run(sizes, new Dictionary<string, OrtValue> { ["latents"] = input }, [("image", Place.Host)], ct)[0];
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

    private static RgbImage Frame(OrtValue frames, int index, int number, int width, int height)
    {
        var size = 3 * width * height;
        var planes = frames.GetTensorDataAsSpan<float>().Slice(index * size, size);
        FiniteCheck.Require(planes, GenerationPhase.Decoding, $"frame {number + 1}");
        return PictureTensors.ToImage(planes, width, height);
    }
}
