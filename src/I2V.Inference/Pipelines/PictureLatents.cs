namespace I2V.Inference.Pipelines;

/// <summary>What I2VGen-XL is told of the picture frame by frame.</summary>
internal static class PictureLatents
{
    private const float LeastLogVariance = -30;
    private const float MostLogVariance = 20;

    /// <summary>A draw from the autoencoder's posterior: (mean + exp(½ · log variance) · noise) · scaling.</summary>
    /// <param name="moments">[2 · channels, height, width]: mean, then the logarithm of the variance, cut to −30 … 20.</param>
    /// <param name="noise">[channels, height, width].</param>
    /// <param name="scaling">Of the latents.</param>
    public static float[] Draw(ReadOnlySpan<float> moments, ReadOnlySpan<float> noise, double scaling)
    {
        var drawn = new float[noise.Length];
        for (var i = 0; i < drawn.Length; i++)
        {
            var deviation = MathF.Exp(0.5f * Math.Clamp(moments[drawn.Length + i], LeastLogVariance, MostLogVariance));
            drawn[i] = (moments[i] + (deviation * noise[i])) * (float)scaling;
        }

        return drawn;
    }

    /// <summary>
    /// [halves, channels, frames, height, width]: the picture's latents in the first frame; in frame k everywhere
    /// k / (frames − 1), which tells the model where in the film it is.
    /// </summary>
    /// <param name="picture">[channels, height, width], scaled.</param>
    /// <param name="shape">Of the film.</param>
    public static float[] WithPositions(ReadOnlySpan<float> picture, FilmShape shape)
    {
        var latents = new float[shape.Halves * shape.Length];
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            var film = latents.AsSpan(channel * shape.Frames * shape.Plane, shape.Frames * shape.Plane);
            picture.Slice(channel * shape.Plane, shape.Plane).CopyTo(film);
            for (var frame = 1; frame < shape.Frames; frame++)
            {
                film.Slice(frame * shape.Plane, shape.Plane).Fill((float)((double)frame / (shape.Frames - 1)));
            }
        }

        for (var half = 1; half < shape.Halves; half++)
        {
            latents.AsSpan(0, shape.Length).CopyTo(latents.AsSpan(half * shape.Length));
        }

        return latents;
    }
}
