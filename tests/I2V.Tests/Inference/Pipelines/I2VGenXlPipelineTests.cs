using I2V.Inference.Pipelines;
using I2V.Inference.Sampling;
using I2V.Media;

namespace I2V.Tests.Inference.Pipelines;

public sealed class I2VGenXlPipelineTests(TinyI2VGenXl tiny, LoadedI2VGenXl loaded) : IClassFixture<LoadedI2VGenXl>
{
    private static GenerationRequest Request => TinyI2VGenXl.Request;

    /// <summary>Each changes one thing that must be seen in the film.</summary>
    public static TheoryData<string> Changes =>
        ["seed", "prompt", "negative prompt", "fps", "image", "guidance", "steps", "sampler", "eta"];

    [Fact]
    public async Task The_same_request_gives_the_same_film_bit_for_bit_in_another_pipeline_and_behind_another_job()
    {
        using var first = await tiny.LoadAsync();
        using var second = await tiny.LoadAsync();

        var film = Pixels(first, Request);
        _ = TinyI2VGenXl.Film(second, Request with { Prompt = "other", Seed = 1 });

        Assert.Equal(film, Pixels(second, Request));
        Assert.Equal(film, Pixels(first, Request));
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void Everything_that_is_asked_for_is_seen_in_the_film(string change)
    {
        var pipeline = loaded.Pipeline;
        var other = change switch
        {
            "seed" => Request with { Seed = 8 },
            "prompt" => Request with { Prompt = "a dog" },
            "negative prompt" => Request with { NegativePrompt = "" },
            "fps" => Request with { Fps = 30 },
            "image" => Request with { Image = PhotoSamples.Ramp(90, 70) },
            "guidance" => Request with { GuidanceScale = 8 },
            "steps" => Request with { Steps = 4 },
            "sampler" => Request with { Sampler = "dpm++2m" },
            "eta" => Request with { Eta = 1 },
            _ => throw new ArgumentOutOfRangeException(nameof(change)),
        };

        Assert.True(Difference(TinyI2VGenXl.Film(pipeline, Request), TinyI2VGenXl.Film(pipeline, other)) > 0.2);
    }

    [Theory]
    [InlineData(64, 64, 1)]
    [InlineData(128, 64, 5)]
    [InlineData(64, 192, 2)]
    public void Any_shape_and_number_of_frames_is_made(int width, int height, int frames)
    {
        var pipeline = loaded.Pipeline;

        var film = TinyI2VGenXl.Film(pipeline, Request with { Width = width, Height = height, NumFrames = frames });

        Assert.Equal(frames, film.Count);
        Assert.All(film, frame =>
        {
            Assert.Equal((width, height, width * height * 3), (frame.Width, frame.Height, frame.Pixels.Length));
            Assert.InRange(Deviation(frame), 5, 128);
        });
        Assert.Equal(frames, film.Select(frame => Convert.ToHexString(frame.Pixels)).Distinct().Count());
    }

    [Fact]
    public async Task Without_guidance_the_negative_prompt_is_neither_encoded_nor_heard()
    {
        using var pipeline = (I2VGenXlPipeline)await tiny.LoadAsync();
        var plain = Request with { GuidanceScale = 1 };

        var film = Pixels(pipeline, plain);

        Assert.Equal(1, pipeline.EncoderRuns.Text);
        Assert.Equal(film, Pixels(pipeline, plain with { NegativePrompt = "anything else" }));
        Assert.Equal(1, pipeline.EncoderRuns.Text);
        Assert.NotEqual(film, Pixels(pipeline, Request));
    }

    [Fact]
    public void Guidance_hardly_above_1_is_hardly_anything()
    {
        var pipeline = loaded.Pipeline;

        var alone = TinyI2VGenXl.Film(pipeline, Request with { GuidanceScale = 1 });
        var guided = TinyI2VGenXl.Film(pipeline, Request with { GuidanceScale = 1.00001 });

        Assert.True(Difference(alone, guided) < 0.1);
    }

    [Fact]
    public async Task A_second_job_with_the_same_prompts_and_picture_runs_no_encoder()
    {
        using var pipeline = (I2VGenXlPipeline)await tiny.LoadAsync();

        var film = Pixels(pipeline, Request);
        Assert.Equal((2, 1, 1), pipeline.EncoderRuns);
        Assert.Equal(film, Pixels(pipeline, Request with { Image = PhotoSamples.Noise(90, 70) }));
        Assert.Equal((2, 1, 1), pipeline.EncoderRuns);

        _ = Pixels(pipeline, Request with { Seed = 99, Prompt = "A  CAT walks", Fps = 9 });
        Assert.Equal((2, 1, 1), pipeline.EncoderRuns);

        _ = Pixels(pipeline, Request with { Prompt = "new" });
        Assert.Equal((3, 1, 1), pipeline.EncoderRuns);

        // The same width needs the same square for the meaning, but other latents.
        _ = Pixels(pipeline, Request with { Height = 128 });
        Assert.Equal((3, 1, 2), pipeline.EncoderRuns);

        _ = Pixels(pipeline, Request with { Image = PhotoSamples.Noise(91, 70) });
        Assert.Equal((3, 2, 3), pipeline.EncoderRuns);
    }

    [Fact]
    public void Progress_tells_every_step_in_order()
    {
        var pipeline = loaded.Pipeline;
        var steps = new List<GenerationProgress>();

        _ = TinyI2VGenXl.Film(pipeline, Request, new Listener(steps.Add));

        Assert.Equal(
            [
                .. Enumerable.Range(1, 4).Select(step => new GenerationProgress(GenerationPhase.Encoding, step, 4)),
                .. Enumerable.Range(1, 3).Select(step => new GenerationProgress(GenerationPhase.Denoising, step, 3)),
                .. Enumerable.Range(1, 3).Select(step => new GenerationProgress(GenerationPhase.Decoding, step, 3)),
            ],
            steps);
    }

    [Fact]
    public void A_preview_comes_as_often_as_asked_and_shows_the_film_in_small()
    {
        var pipeline = loaded.Pipeline;
        var steps = new List<GenerationProgress>();

        _ = TinyI2VGenXl.Film(pipeline, Request with { Width = 128, Steps = 5, PreviewEvery = 2 }, new Listener(steps.Add));

        Assert.Equal([2, 4], steps.Where(step => step.Preview is not null).Select(step => step.Step));
        Assert.All(steps, step => Assert.True(step.Preview is null or { Width: 16, Height: 8 }));
        Assert.InRange(Deviation(steps.Last(step => step.Preview is not null).Preview!), 3, 128);
    }

    [Fact]
    public void Given_noise_takes_the_seed_s_place()
    {
        var pipeline = loaded.Pipeline;
        var noise = new GivenNoise(new float[4 * 3 * 8 * 8], new float[4 * 8 * 8]);
        GaussianNoise.Fill(noise.Latents, Request.Seed, NoiseStream.Latents);
        GaussianNoise.Fill(noise.Posterior, Request.Seed, NoiseStream.Posterior);

        Assert.Equal(Pixels(pipeline, Request), Pixels(pipeline, Request with { Seed = 1234, Noise = noise }));
    }

    [Fact]
    public void What_a_request_leaves_open_is_the_model_s_default()
    {
        var pipeline = loaded.Pipeline;
        var steps = new List<GenerationProgress>();

        _ = TinyI2VGenXl.Film(pipeline, Request with { NumFrames = 1, Steps = null, GuidanceScale = null }, new Listener(steps.Add));

        Assert.Equal(pipeline.Manifest.Defaults.Steps, steps.Count(step => step.Phase == GenerationPhase.Denoising));
    }

    [Fact]
    public async Task Warming_up_leaves_nothing_that_changes_a_film()
    {
        using var cold = await tiny.LoadAsync();
        using var warm = await tiny.LoadAsync();

        warm.WarmUp(TestContext.Current.CancellationToken);

        Assert.Equal(Pixels(cold, Request), Pixels(warm, Request));
        Assert.Empty(warm.PhasePeakBytes);
    }

    private static byte[] Pixels(IVideoPipeline pipeline, GenerationRequest request) =>
        [.. TinyI2VGenXl.Film(pipeline, request).SelectMany(frame => frame.Pixels)];

    private static double Difference(List<RgbImage> one, List<RgbImage> other) =>
        one.SelectMany(frame => frame.Pixels).Zip(other.SelectMany(frame => frame.Pixels), (a, b) => Math.Abs(a - b)).Average();

    private static double Deviation(RgbImage image)
    {
        var mean = image.Pixels.Average(level => level);
        return Math.Sqrt(image.Pixels.Average(level => (level - mean) * (level - mean)));
    }

    private sealed class Listener(Action<GenerationProgress> heard) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => heard(value);
    }
}
