namespace I2V.Inference.Sampling;

/// <summary>
/// DPM-Solver++(2M), midpoint (Lu et al., arXiv:2211.01095): second order from the predictions of two steps; the first and
/// the last step, which ends at no noise, are of first order.
/// </summary>
internal sealed class DpmSolverMultistepSampler : ISampler
{
    /// <summary>Stands for ᾱ = 0, whose σ would be infinite.</summary>
    private const float LeastAlpha = 1f / (1 << 24);

    private readonly Prediction prediction;
    private readonly int[] timesteps;
    private readonly float[] sigmas;
    private float[] denoised = [];
    private float[] denoisedBefore = [];
    private int next;

    /// <param name="schedule">The model's.</param>
    /// <param name="steps">How many.</param>
    /// <exception cref="Pipelines.GenerationException">The schedule has no room for so many steps.</exception>
    public DpmSolverMultistepSampler(NoiseSchedule schedule, int steps)
    {
        prediction = schedule.Prediction;
        timesteps = Sampling.Timesteps.MultiStep(schedule.Config, steps);
        sigmas = new float[steps + 1]; // the last is 0
        for (var i = 0; i < steps; i++)
        {
            var isLast = schedule.Config.RescaleBetasZeroSnr && timesteps[i] == schedule.Config.NumTrainTimesteps - 1;
            var alpha = isLast ? LeastAlpha : schedule.AlphasCumprod[timesteps[i]];
            sigmas[i] = MathF.Sqrt((1 - alpha) / alpha);
        }
    }

    public IReadOnlyList<int> Timesteps => timesteps;

    public ReadOnlySpan<float> Denoised => denoised;

    public void Step(ReadOnlySpan<float> output, Span<float> sample)
    {
        (denoised, denoisedBefore) = (denoisedBefore, denoised);
        Array.Resize(ref denoised, sample.Length);
        var (from, to) = (Point.At(sigmas[next]), Point.At(sigmas[next + 1]));
        Denoise(output, sample, from);

        var h = to.Lambda - from.Lambda;
        var keep = to.Sigma / from.Sigma;
        var pull = to.Alpha * (MathF.Exp(-h) - 1);
        if (next == 0 || next == timesteps.Length - 1)
        {
            for (var i = 0; i < sample.Length; i++)
            {
                sample[i] = (keep * sample[i]) - (pull * denoised[i]);
            }
        }
        else
        {
            var inverse = 1 / ((from.Lambda - Point.At(sigmas[next - 1]).Lambda) / h);
            for (var i = 0; i < sample.Length; i++)
            {
                var slope = inverse * (denoised[i] - denoisedBefore[i]);
                sample[i] = (keep * sample[i]) - (pull * denoised[i]) - (0.5f * pull * slope);
            }
        }

        next++;
    }

    private void Denoise(ReadOnlySpan<float> output, ReadOnlySpan<float> sample, Point at)
    {
        for (var i = 0; i < sample.Length; i++)
        {
            denoised[i] = prediction switch
            {
                Prediction.Epsilon => (sample[i] - (at.Sigma * output[i])) / at.Alpha,
                Prediction.Sample => output[i],
                _ => (at.Alpha * sample[i]) - (at.Sigma * output[i]),
            };
        }
    }

    /// <summary>A noise level: shares of picture and noise, and λ = ln(α/σ).</summary>
    private readonly record struct Point(float Alpha, float Sigma, float Lambda)
    {
        public static Point At(float ratio)
        {
            var alpha = 1 / MathF.Sqrt((ratio * ratio) + 1);
            var sigma = ratio * alpha;
            return new Point(alpha, sigma, MathF.Log(alpha) - MathF.Log(sigma));
        }
    }
}
