using I2V.Inference.Models;

namespace I2V.Inference.Sampling;

/// <summary>What a network's output means.</summary>
internal enum Prediction
{
    /// <summary>The noise.</summary>
    Epsilon,

    /// <summary>The picture.</summary>
    Sample,

    /// <summary>√ᾱ · noise − √(1−ᾱ) · picture.</summary>
    Velocity,
}

/// <summary>
/// How much of the picture is left at each training timestep, from the checkpoint's own configuration. Computed in fp32 in
/// the reference's order (products accumulate in double), since its rounding is part of what the model was trained with.
/// </summary>
internal sealed class NoiseSchedule
{
    private const double MaxBeta = 0.999;

    private readonly float[] alphasCumprod;

    /// <exception cref="NotSupportedException">The configuration asks for something unknown; the message names the field.</exception>
    public NoiseSchedule(SchedulerConfig config)
    {
        if (config.NumTrainTimesteps < 2)
        {
            throw new NotSupportedException($"scheduler.num_train_timesteps is {config.NumTrainTimesteps}, but must be at least 2");
        }

        if (config.Thresholding)
        {
            throw new NotSupportedException("scheduler.thresholding is true, but latents cannot be thresholded: their range has no meaning");
        }

        Config = config;
        Prediction = config.PredictionType switch
        {
            "epsilon" => Prediction.Epsilon,
            "sample" => Prediction.Sample,
            "v_prediction" => Prediction.Velocity,
            var other => throw new NotSupportedException($"scheduler.prediction_type is {other}, but must be epsilon, sample or v_prediction"),
        };
        var betas = Betas(config);
        alphasCumprod = CumulativeAlphas(config.RescaleBetasZeroSnr ? ZeroTerminalSnr(betas) : betas);
    }

    public SchedulerConfig Config { get; }

    public Prediction Prediction { get; }

    /// <summary>ᾱ of each training timestep: the square of the picture's share.</summary>
    public ReadOnlySpan<float> AlphasCumprod => alphasCumprod;

    /// <summary>ᾱ behind the last step.</summary>
    public float FinalAlphaCumprod => Config.SetAlphaToOne ? 1f : alphasCumprod[0];

    private static float[] Betas(SchedulerConfig config) => config.BetaSchedule switch
    {
        "linear" => Line((float)config.BetaStart, (float)config.BetaEnd, config.NumTrainTimesteps),
        "scaled_linear" => Array.ConvertAll(Line((float)Math.Sqrt(config.BetaStart), (float)Math.Sqrt(config.BetaEnd), config.NumTrainTimesteps), root => root * root),
        "squaredcos_cap_v2" => SquaredCosine(config.NumTrainTimesteps),
        var other => throw new NotSupportedException($"scheduler.beta_schedule is {other}, but must be linear, scaled_linear or squaredcos_cap_v2"),
    };

    /// <summary>Evenly spaced numbers; the second half is counted from the end, so that both ends are exact.</summary>
    private static float[] Line(float start, float end, int count)
    {
        var step = (end - start) / (count - 1);
        var line = new float[count];
        for (var i = 0; i < count; i++)
        {
            line[i] = i < count / 2 ? start + (step * i) : end - (step * (count - i - 1));
        }

        return line;
    }

    /// <summary>β_i = 1 − ᾱ((i+1)/T)/ᾱ(i/T), at most 0.999, with ᾱ(t) = cos²((t + 0.008)/1.008 · π/2).</summary>
    private static float[] SquaredCosine(int count)
    {
        static double Bar(double t)
        {
            var cosine = Math.Cos((t + 0.008) / 1.008 * Math.PI / 2);
            return cosine * cosine;
        }

        var betas = new float[count];
        for (var i = 0; i < count; i++)
        {
            betas[i] = (float)Math.Min(1 - (Bar((i + 1.0) / count) / Bar((double)i / count)), MaxBeta);
        }

        return betas;
    }

    /// <summary>Moves √ᾱ of the last timestep to 0 and keeps the first (Lin et al., arXiv:2305.08891, algorithm 1).</summary>
    private static float[] ZeroTerminalSnr(float[] betas)
    {
        var bars = CumulativeAlphas(betas);
        var roots = Array.ConvertAll(bars, MathF.Sqrt);
        var (first, last) = (roots[0], roots[^1]);
        var stretch = first / (first - last);
        var squares = Array.ConvertAll(roots, root => (root - last) * stretch * ((root - last) * stretch));
        var result = new float[betas.Length];
        result[0] = 1 - squares[0];
        for (var i = 1; i < result.Length; i++)
        {
            result[i] = 1 - (squares[i] / squares[i - 1]);
        }

        return result;
    }

    private static float[] CumulativeAlphas(float[] betas)
    {
        var product = 1.0;
        return Array.ConvertAll(betas, beta => (float)(product *= 1 - beta));
    }
}
