using I2V.Inference.Pipelines;

namespace I2V.Inference.Sampling;

/// <summary>Denoising diffusion implicit models (Song et al., arXiv:2010.02502, formulas 12 and 16).</summary>
internal sealed class DdimSampler : ISampler
{
    private readonly NoiseSchedule schedule;
    private readonly int[] timesteps;
    private readonly long seed;
    private readonly float eta;
    private float[] denoised = [];
    private int next;

    /// <param name="schedule">The model's.</param>
    /// <param name="steps">How many.</param>
    /// <param name="seed">Of the added noise.</param>
    /// <param name="eta">Share of the noise that is drawn anew at each step: 0 none, 1 as in training.</param>
    /// <exception cref="GenerationException">The schedule has no room for so many steps, or no picture can be told from its first one.</exception>
    public DdimSampler(NoiseSchedule schedule, int steps, long seed = 0, double eta = 0)
    {
        this.schedule = schedule;
        this.seed = seed;
        this.eta = (float)eta;
        timesteps = Sampling.Timesteps.SingleStep(schedule.Config, steps);
        if (schedule.Prediction == Prediction.Epsilon && schedule.AlphasCumprod[timesteps[0]] == 0)
        {
            throw new GenerationException(
                GenerationError.ModelLoadFailed,
                $"The model's schedule has nothing but noise at timestep {timesteps[0]}, from which a network that predicts epsilon cannot start.");
        }
    }

    public IReadOnlyList<int> Timesteps => timesteps;

    public ReadOnlySpan<float> Denoised => denoised;

    public void Step(ReadOnlySpan<float> output, Span<float> sample)
    {
        // The timestep before is a constant distance away, whatever the spacing: so the reference does it.
        var config = schedule.Config;
        var timestep = timesteps[next];
        var before = timestep - (config.NumTrainTimesteps / timesteps.Length);
        var alpha = schedule.AlphasCumprod[timestep];
        var alphaBefore = before >= 0 ? schedule.AlphasCumprod[before] : schedule.FinalAlphaCumprod;
        var deviation = eta * MathF.Sqrt((1 - alphaBefore) / (1 - alpha) * (1 - (alpha / alphaBefore)));
        var direction = MathF.Sqrt(Math.Max(0, 1 - alphaBefore - (deviation * deviation))); // rounding may leave less than nothing
        var limit = config.ClipSample ? (float)config.ClipSampleRange : float.PositiveInfinity;
        var (picture, noise, pictureBefore) = (MathF.Sqrt(alpha), MathF.Sqrt(1 - alpha), MathF.Sqrt(alphaBefore));

        Array.Resize(ref denoised, sample.Length);
        var prediction = schedule.Prediction;
        for (var i = 0; i < sample.Length; i++)
        {
            var (x0, epsilon) = prediction switch
            {
                Prediction.Epsilon => ((sample[i] - (noise * output[i])) / picture, output[i]),
                Prediction.Sample => (output[i], (sample[i] - (picture * output[i])) / noise),
                _ => ((picture * sample[i]) - (noise * output[i]), (picture * output[i]) + (noise * sample[i])),
            };
            denoised[i] = Math.Clamp(x0, -limit, limit);
            sample[i] = (pictureBefore * denoised[i]) + (direction * epsilon);
        }

        if (eta > 0)
        {
            AddNoise(sample, deviation);
        }

        next++;
    }

    private void AddNoise(Span<float> sample, float deviation)
    {
        var noise = new float[sample.Length];
        GaussianNoise.Fill(noise, seed, NoiseStream.Step, (uint)next);
        for (var i = 0; i < sample.Length; i++)
        {
            sample[i] += deviation * noise[i];
        }
    }
}
