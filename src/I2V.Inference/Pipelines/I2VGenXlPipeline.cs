using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Planning;
using I2V.Inference.Sampling;
using I2V.Inference.Tokenizers;
using I2V.Media;

namespace I2V.Inference.Pipelines;

/// <summary>I2VGen-XL (arXiv:2311.04145): a picture and a prompt become a film by denoising latents of all frames at once.</summary>
internal sealed class I2VGenXlPipeline : IVideoPipeline
{
    private const int WarmUpSteps = 2;

    private readonly I2VGenXlFacts facts;
    private readonly I2VGenXlNetworks networks;
    private readonly I2VGenXlEncoders encoders;
    private readonly I2VGenXlDecoder decoder;
    private readonly TimeProvider time;
    private readonly bool countsMemory;

    /// <exception cref="GenerationException">The package cannot be used, or the runtime or its provider cannot.</exception>
    public I2VGenXlPipeline(ModelPackage package, DeviceOptions device, Techniques? techniques = null)
        : this(package, new NetworkLoader(package, device).Load, new Tiling(), TimeProvider.System)
    {
        countsMemory = device.Provider == "cuda";
        GraphLoader.OwnMemory(device); // its phases are counted from the first network on
        try
        {
            Prepare(techniques ?? Techniques.None, CancellationToken.None);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Loads nothing yet.</summary>
    /// <param name="package">The model.</param>
    /// <param name="load">Loads one of its networks.</param>
    /// <param name="tiling">How large pictures are cut where techniques ask for it.</param>
    /// <param name="time">Measures runs.</param>
    internal I2VGenXlPipeline(ModelPackage package, Func<NetworkChoice, INetwork> load, Tiling tiling, TimeProvider time)
    {
        (Manifest, this.time) = (package.Manifest, time);
        facts = I2VGenXlFacts.Read(Manifest);
        networks = new I2VGenXlNetworks(package, load, time);
        encoders = new I2VGenXlEncoders(networks, ClipTokenizer.Load(package), facts.ImageEncoder, facts.Latent, tiling);
        decoder = new I2VGenXlDecoder(facts.Latent, tiling);
    }

    public ModelManifest Manifest { get; }

    public RunFacts? LastRun { get; private set; }

    public IReadOnlyDictionary<GenerationPhase, long> PhasePeakBytes =>
        Memory?.PhasePeaks.ToDictionary(peak => peak.Key, peak => peak.Value.LiveBytes) ?? [];

    /// <summary>How often each encoder had to run.</summary>
    internal (int Text, int Image, int Autoencoder) EncoderRuns => encoders.Runs;

    private DeviceMemory? Memory => countsMemory ? DeviceMemory.Current : null;

    public void Prepare(Techniques techniques, CancellationToken ct)
    {
        networks.Require(techniques);
        networks.Enter(techniques);
        networks.LoadKept(ct);
    }

    public void WarmUp(CancellationToken ct) => WarmUp(Techniques.None, ct);

    public void WarmUp(Techniques techniques, CancellationToken ct)
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
            Techniques = techniques,
        };
        foreach (var _ in Generate(request, progress: null, ct))
        {
            ct.ThrowIfCancellationRequested();
        }
    }

    public IEnumerable<RgbImage> Generate(GenerationRequest request, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        RequestChecks.Require(Manifest, request);
        var settings = I2VGenXlSettings.Of(Manifest, request);
        var shape = FilmShape.Of(facts.Latent, request, settings.Guidance > 1);
        networks.Require(request.Techniques, new LatentSize(shape.Frames, shape.Height, shape.Width).VoxelsOfRun(shape.Halves > 1, request.Techniques));
        return Film(request, settings, progress, ct);
    }

    public void Dispose() => networks.Dispose();

    /// <summary>A film before it is decoded: latents [channels, frames, height, width], scaled.</summary>
    internal float[] Latents(GenerationRequest request, CancellationToken ct)
    {
        RequestChecks.Require(Manifest, request);
        var settings = I2VGenXlSettings.Of(Manifest, request);
        var shape = FilmShape.Of(facts.Latent, request, settings.Guidance > 1);
        Enter(GenerationPhase.Encoding, request.Techniques);
        var known = encoders.Encode(request, shape, request.Techniques, progress: null, ct);
        Enter(GenerationPhase.Denoising, request.Techniques);
        return Denoise(request, settings, shape, known, request.Techniques, progress: null, ct);
    }

    private IEnumerable<RgbImage> Film(GenerationRequest request, I2VGenXlSettings settings, IProgress<GenerationProgress>? progress, CancellationToken ct)
    {
        // 1. The latents' sizes: two halves when the prompt is set against the negative one. Steps that the schedule has no
        //    room for are refused before anything runs.
        var shape = FilmShape.Of(facts.Latent, request, settings.Guidance > 1);
        _ = SamplerOf(request, settings);
        var record = new RunRecord(networks, encoders);
        var attempts = new PhaseAttempts(request, Enter, () => Memory?.Trim(), time);
        Enter(GenerationPhase.Encoding, request.Techniques);
        Memory?.ResetPeaks(); // what an earlier run left is gone, and not of this one
        try
        {
            // 2. Look at prompts and picture, unless they are known from another job.
            var known = attempts.Run(GenerationPhase.Encoding, techniques => encoders.Encode(request, shape, techniques, progress, ct));

            // 3. – 5. are in a method of their own, so that what they hold on the device is gone when frames are decoded.
            var latents = attempts.Run(GenerationPhase.Denoising, techniques => Denoise(request, settings, shape, known, techniques, progress, ct));

            // 6. Decode, and hand the frames on one by one, so that they are written while the rest is made.
            for (var number = 0; number < shape.Frames;)
            {
                foreach (var frame in attempts.Run(GenerationPhase.Decoding, techniques => Decode(latents, shape, number, techniques, ct)))
                {
                    ct.ThrowIfCancellationRequested();
                    number++;
                    progress?.Report(new GenerationProgress(GenerationPhase.Decoding, number, shape.Frames));
                    yield return frame;
                }
            }
        }
        finally
        {
            // 7. Only what these techniques keep stays, whatever happened; the rest of the memory is the driver's again.
            networks.Enter(attempts.Techniques);
            Memory?.Trim();
            LastRun = record.End(attempts);
        }
    }

    private float[] Denoise(
        GenerationRequest request,
        I2VGenXlSettings settings,
        FilmShape shape,
        I2VGenXlKnowledge known,
        Techniques techniques,
        IProgress<GenerationProgress>? progress,
        CancellationToken ct)
    {
        // 3. Compute what all steps share, and draw the noise from the seed, so that the same request gives the same film.
        var windows = new TemporalWindows(shape.Frames, techniques.WindowFrames);
        using var conditions = I2VGenXlConditions.Make(
            networks.Use(I2VGenXlNetworks.Conditioning), shape, known, windows, techniques.SerialGuidance, request.Fps, ct);
        networks.Finish(I2VGenXlNetworks.Conditioning);
        var latents = request.Noise is { } given ? [.. given.Latents] : GaussianNoise.Make(shape.Length, request.Seed, NoiseStream.Latents);
        Memory?.Trim(); // what was used until now lies scattered, and the largest phase comes

        // 4. Take the noise away, step by step.
        var sampler = SamplerOf(request, settings);
        using var denoiser = new I2VGenXlDenoiser(networks.Use(I2VGenXlNetworks.Unet), shape, windows, conditions);
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

    private IReadOnlyList<RgbImage> Decode(float[] latents, FilmShape shape, int first, Techniques techniques, CancellationToken ct) =>
        decoder.Decode(networks.Use(I2VGenXlNetworks.VaeDecoder), latents, shape, first, techniques, ct);

    /// <summary>Makes room for a phase: only its own network and what stays anyway may be there.</summary>
    private void Enter(GenerationPhase phase, Techniques techniques)
    {
        networks.Enter(techniques, phase switch
        {
            GenerationPhase.Denoising => I2VGenXlNetworks.Unet,
            GenerationPhase.Decoding => I2VGenXlNetworks.VaeDecoder,
            _ => null,
        });
        Memory?.Trim();
        Memory?.BeginPhase(phase);
    }

    private ISampler SamplerOf(GenerationRequest request, I2VGenXlSettings settings) =>
        Samplers.Create(settings.Sampler, facts.Schedule, settings.Steps, request.Seed, request.Eta);
}
