using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Sampling;
using I2V.Inference.Tokenizers;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>I2VGen-XL (arXiv:2311.04145): a picture and a prompt become a film by denoising latents of all frames at once.</summary>
internal sealed class I2VGenXlPipeline : IVideoPipeline
{
    /// <summary>Prompt, negative prompt, what the picture shows, its latents, and what follows from them all.</summary>
    private const int EncodingSteps = 5;

    private const int WarmUpSteps = 2;

    private readonly I2VGenXlNetworks networks;
    private readonly I2VGenXlEncoders encoders;
    private readonly I2VGenXlDecoder decoder;
    private readonly LatentFacts latent;
    private readonly NoiseSchedule schedule;
    private readonly bool countsMemory;

    /// <exception cref="GenerationException">The package cannot be used, or the runtime or its provider cannot.</exception>
    public I2VGenXlPipeline(ModelPackage package, DeviceOptions device)
    {
        Manifest = package.Manifest;
        latent = Needed(Manifest.Latent, "latent");
        schedule = ReadSchedule(Needed(Manifest.Scheduler, "scheduler"));
        var facts = Needed(Manifest.ImageEncoder, "image_encoder");
        var tokenizer = ClipTokenizer.Load(package);
        countsMemory = device.Provider == "cuda";
        networks = new I2VGenXlNetworks(package, device);
        encoders = new I2VGenXlEncoders(networks, tokenizer, facts, latent);
        decoder = new I2VGenXlDecoder(networks.VaeDecoder, latent);
    }

    public ModelManifest Manifest { get; }

    public IReadOnlyDictionary<GenerationPhase, long> PhasePeakBytes =>
        Memory?.PhasePeaks.ToDictionary(peak => peak.Key, peak => peak.Value.LiveBytes) ?? [];

    /// <summary>How often each encoder had to run.</summary>
    internal (int Text, int Image, int Autoencoder) EncoderRuns => encoders.Runs;

    private DeviceMemory? Memory => countsMemory ? DeviceMemory.Current : null;

    public void WarmUp(CancellationToken ct)
    {
        var side = Manifest.Sizes.Min;
        var request = new GenerationRequest
        {
            Image = new RgbImage(side, side, new byte[side * side * 3]),
            Width = side,
            Height = side,
            NumFrames = Math.Clamp(2, Manifest.Frames.Min, Manifest.Frames.Max),
            Fps = Manifest.Defaults.Fps,
            Steps = WarmUpSteps,
            Seed = 0,
        };
        foreach (var _ in Generate(request, progress: null, ct))
        {
            ct.ThrowIfCancellationRequested();
        }
    }

    public IEnumerable<RgbImage> Generate(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        RequestChecks.Require(Manifest, request);
        return Film(request, Settings.Of(Manifest, request), progress, ct);
    }

    public void Dispose() => networks.Dispose();

    /// <summary>A film before it is decoded: latents [channels, frames, height, width], scaled.</summary>
    internal float[] Latents(GenerationRequest request, CancellationToken ct)
    {
        RequestChecks.Require(Manifest, request);
        var settings = Settings.Of(Manifest, request);
        var sampler = Samplers.Create(settings.Sampler, schedule, settings.Steps, request.Seed, request.Eta);
        return Denoise(request, settings, FilmShape.Of(latent, request, settings.Guidance > 1), sampler, progress: null, ct);
    }

    private IEnumerable<RgbImage> Film(GenerationRequest request, Settings settings, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        // 1. The steps, and the latents' sizes: two halves when the prompt is set against the negative one.
        var shape = FilmShape.Of(latent, request, settings.Guidance > 1);
        Memory?.BeginPhase(GenerationPhase.Encoding);
        Memory?.ResetPeaks();
        var sampler = Samplers.Create(settings.Sampler, schedule, settings.Steps, request.Seed, request.Eta);

        // 2. – 5. are in a method of their own, so that what they hold on the device is gone when frames are decoded.
        var latents = Denoise(request, settings, shape, sampler, progress, ct);

        // 6. Decode, and hand the frames on one by one, so that they are written while the rest is made.
        Memory?.BeginPhase(GenerationPhase.Decoding);
        var number = 0;
        foreach (var frame in decoder.Decode(latents, shape, ct))
        {
            progress?.Report(new GenerationProgress(GenerationPhase.Decoding, ++number, request.NumFrames));
            yield return frame;
        }
    }

    private float[] Denoise(
        GenerationRequest request, Settings settings, FilmShape shape, ISampler sampler, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        // 2. Look at prompts and picture, unless they are known from another job.
        using var conditions = Encode(request, settings, shape, progress, ct);

        // 3. Draw the noise from the seed, so that the same request gives the same film.
        var latents = request.Noise is { } given ? [.. given.Latents] : Noise(shape.Length, request.Seed, NoiseStream.Latents);

        // 4. Take the noise away, step by step.
        Memory?.Trim(); // what the encoders used lies scattered, and the largest phase comes now
        Memory?.BeginPhase(GenerationPhase.Denoising);
        using var denoiser = new I2VGenXlDenoiser(networks.Unet, shape, conditions);
        for (var step = 1; step <= settings.Steps; step++)
        {
            var output = denoiser.Predict(latents, sampler.Timesteps[step - 1], (float)settings.Guidance, ct);
            FiniteCheck.Require(output, GenerationPhase.Denoising, $"step {step} of {settings.Steps}");
            sampler.Step(output, latents);

            // 5. Show how far it is; a sampler's guess of the film is a preview for next to nothing.
            var isShown = request.PreviewEvery > 0 && shape.Channels == LatentPreview.Channels && step % request.PreviewEvery == 0;
            progress?.Report(new GenerationProgress(GenerationPhase.Denoising, step, settings.Steps)
            {
                Preview = isShown ? LatentPreview.Make(sampler.Denoised, shape.Frames, shape.Height, shape.Width, shape.Frames / 2) : null,
            });
        }

        return latents;
    }

    private I2VGenXlConditions Encode(
        GenerationRequest request, Settings settings, FilmShape shape, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        var identity = I2VGenXlEncoders.Identity(request.Image);
        var done = 0;
        T Done<T>(T result)
        {
            progress?.Report(new GenerationProgress(GenerationPhase.Encoding, ++done, EncodingSteps));
            return result;
        }

        var positive = Done(encoders.Prompt(request.Prompt, ct));
        var negative = Done(shape.Halves == 2 ? encoders.Prompt(request.NegativePrompt, ct) : null);
        var meaning = Done(encoders.Meaning(request.Image, identity, request.Width, request.ImageFit, ct));
        var moments = Done(encoders.Moments(request.Image, identity, request.Width, request.Height, request.ImageFit, ct));
        var noise = request.Noise?.Posterior ?? Noise(shape.Channels * shape.Plane, request.Seed, NoiseStream.Posterior);
        var picture = PictureLatents.WithPositions(PictureLatents.Draw(moments, noise, latent.Scaling), shape);
        return Done(I2VGenXlConditions.Make(
            networks.Conditioning, shape, negative is null ? [positive] : [negative, positive], meaning, picture, request.Fps, ct));
    }

    private static float[] Noise(int count, long seed, NoiseStream stream)
    {
        var noise = new float[count];
        GaussianNoise.Fill(noise, seed, stream);
        return noise;
    }

    private NoiseSchedule ReadSchedule(SchedulerConfig config)
    {
        try
        {
            // Both samplers, so that a spacing nobody knows is told when the model is loaded and not by the first job.
            var read = new NoiseSchedule(config);
            _ = (Timesteps.SingleStep(config, 1), Timesteps.MultiStep(config, 1));
            return read;
        }
        catch (NotSupportedException error)
        {
            throw new GenerationException(GenerationError.ModelLoadFailed, $"The schedule of the model {Manifest.Name} is not known: {error.Message}.", error);
        }
    }

    private T Needed<T>(T? facts, string name)
        where T : class => facts ?? throw new GenerationException(
            GenerationError.ModelLoadFailed, $"The manifest of the model {Manifest.Name} has no {name}, which the family {Manifest.Family} needs.");

    /// <summary>The request's own values or else the model's.</summary>
    private sealed record Settings(int Steps, double Guidance, string Sampler)
    {
        public static Settings Of(ModelManifest manifest, GenerationRequest request) => new(
            request.Steps ?? manifest.Defaults.Steps ?? manifest.Presets?.GetValueOrDefault(manifest.Defaults.Preset ?? "")?.Steps ?? 50,
            request.GuidanceScale ?? manifest.Defaults.GuidanceScale ?? 1,
            request.Sampler ?? manifest.Defaults.Sampler ?? Samplers.Ddim);
    }
}
