using System.Text.Json;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Media;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using I2V.Worker.Gateway;
using I2V.Worker.Models;

namespace I2V.Worker.RenderJob;

/// <summary>One attempt at one job, from the picture to the stored film.</summary>
internal sealed class RenderAttempt(
    GatewayClient gateway,
    SignedTransfer transfer,
    ModelHost models,
    Fitter fitter,
    Workbench bench,
    TimeProvider time)
{
    /// <summary>A PNG of the largest picture that the gateway accepts, as badly compressible as it may be.</summary>
    private static readonly ImageLimits InputLimits = new() { MaxBytes = 256L << 20, Timeout = TimeSpan.FromSeconds(60) };

    public Device Device => bench.Device;

    /// <summary>Returns when the gateway has taken the film.</summary>
    /// <param name="job">What to make.</param>
    /// <param name="progress">Hears of every phase and step.</param>
    /// <param name="watch">Hears of the plan, and of every step down the ladder.</param>
    /// <param name="ct">Stops the attempt within one step.</param>
    /// <exception cref="DoesNotFitException">Nothing that the job's rules allow fits this device now.</exception>
    public async Task<AttemptEnded> RunAsync(ClaimedJob job, AttemptProgress progress, PlanWatch watch, CancellationToken ct)
    {
        // 1. A folder for this attempt alone, gone on every path.
        using var folder = bench.Scratch.Open(job.JobId, job.Attempt);

        // 2. The plan: which rung of the ladder fits this device now.
        progress.Enter(JobPhase.Loading);
        var package = models.Find(job.Spec.Model);
        var spec = job.Spec with { Settings = SpeedOf(package.Manifest, job.Spec) };
        var fitting = fitter.Begin(package, spec);
        watch.Follow(fitting, spec.Settings);

        // 3. The picture, exactly as it was submitted.
        var png = await transfer.DownloadAsync(job.InputUrl, InputLimits.MaxBytes, job.InputSha256, ct);
        var image = await ImageReader.ReadAsync(png, InputLimits, ct);

        // 4. The model and the frames, encoded while the next ones are made; a rung further down when memory runs out.
        var (model, film) = await MakeAsync(spec, fitting, image, folder, progress, ct);

        // 5. What it took to make it, and how to make it again; the next plan knows it too.
        progress.Enter(JobPhase.Uploading);
        Learn(package, fitting, model);
        var exact = bench.Device.Kind == DeviceKind.Cpu;
        var applied = watch.Applied with
        {
            Determinism = exact ? "exact" : "close",
            DeterminismPsnrDb = exact ? null : package.Manifest.RepeatPsnrDb,
        };
        await Describe(job, model, applied, Measure(progress, model)).WriteAsync(folder.Manifest, ct);
        var files = await ArtifactFile.DescribeAsync(folder, film, ct);

        // 6. Signed addresses: a stale attempt is refused here, before it moves a byte.
        var artifacts = files.Select(f => f.Artifact).ToList();
        var upload = new BeginUpload { JobId = job.JobId, Attempt = job.Attempt, Artifacts = artifacts };
        var targets = await Repeat.TransientAsync(call => gateway.BeginUploadAsync(job.LeaseToken, upload, call), time, ct);

        // 7. The files.
        await UploadAsync(files, targets, ct);

        // 8. The end. From here on a cancel comes too late, so only the answer counts, and saying it twice is harmless.
        var complete = new CompleteJob
        {
            JobId = job.JobId,
            Attempt = job.Attempt,
            Artifacts = artifacts,
            Applied = applied,
            Degradations = fitting.Degradations,
            Metrics = Measure(progress, model),
        };
        ct.ThrowIfCancellationRequested();
        return await Repeat.TransientAsync(call => gateway.CompleteAsync(job.LeaseToken, complete, call), time, CancellationToken.None);
    }

    /// <summary>Steps as the job's speed takes them.</summary>
    private static JobSettings SpeedOf(ModelManifest manifest, JobSpec spec)
    {
        var steps = SpeedChoice.Of(manifest, spec.Settings.Preset, spec.StepsGiven ? spec.Settings.Steps : null, spec.Speed).Steps;
        return spec.Speed == SpeedChoice.Fast && steps > 0 ? spec.Settings with { Steps = steps } : spec.Settings;
    }

    /// <summary>Loads and films under the plan; when memory runs out at the end of the rungs, again with a plan that needs less.</summary>
    private async Task<(ReadyModel Model, FilmInfo Film)> MakeAsync(
        JobSpec spec, JobFitting fitting, RgbImage image, AttemptFolder folder, AttemptProgress progress, CancellationToken ct)
    {
        for (; ; )
        {
            try
            {
                progress.Enter(JobPhase.Loading);
                var model = await LoadAsync(spec.Model, fitting, ct);
                progress.Enter(JobPhase.Encoding);
                var request = ToRequest(fitting.Apply(spec.Settings), image) with
                {
                    Sampler = SpeedChoice.Of(model.Package.Manifest, spec.Settings.Preset, spec.Settings.Steps, spec.Speed).Sampler,
                    Techniques = fitting.Plan.Rung.Techniques,
                    RanOut = fitting.RanOut,
                    StepDown = fitting.StepDown,
                };
                var frames = FrameStream.GenerateAsync(bench.Thread, model.Pipeline, request, progress, ct);
                return (model, await RecordAsync(frames, folder, request, progress, ct));
            }
            catch (GenerationException error) when (error.Error == GenerationError.OutOfDeviceMemory && fitting.TryBelow())
            {
                // The next plan needs less.
            }
        }
    }

    /// <summary>Memory may run out here too: then the plan's end says so, and the next plan knows it.</summary>
    private async Task<ReadyModel> LoadAsync(string model, JobFitting fitting, CancellationToken ct)
    {
        var techniques = fitting.Plan.Rung.Techniques;
        try
        {
            return await models.UseAsync(model, techniques, ct);
        }
        catch (GenerationException error) when (error.Error == GenerationError.OutOfDeviceMemory)
        {
            fitting.RanOut(new MemoryShortage(GenerationPhase.Loading, techniques, error.NeededBytes));
            throw;
        }
    }

    /// <summary>Keeps what this device took for a film of this kind: nothing tells the next plan more.</summary>
    private void Learn(ModelPackage package, JobFitting fitting, ReadyModel model)
    {
        // A run that stepped down holds peaks and seconds of several rungs: they would be taken for the last one's. What its
        // failures taught is kept already.
        if (model.Pipeline.LastRun is not { StepsDown: 0 } run)
        {
            return;
        }

        var counted = bench.Device.Kind == DeviceKind.Cuda ? DeviceMemory.Current?.PhasePeaks : null;
        var peaks = (counted ?? new Dictionary<GenerationPhase, DeviceMemoryPeak>())
            .Where(peak => peak.Key is not (GenerationPhase.Unknown or GenerationPhase.Loading))
            .ToDictionary(peak => Name(peak.Key), peak => peak.Value.CommittedBytes);
        if (model.LoadPeakBytes is { } loading)
        {
            peaks[Name(GenerationPhase.Loading)] = loading;
        }

        fitter.Learn(
            package,
            fitting,
            peaks,
            model.Warm
                ? new PhaseSeconds(Of(GenerationPhase.Encoding), Of(GenerationPhase.Denoising), Of(GenerationPhase.Decoding))
                : null);

        double Of(GenerationPhase phase) => Math.Round(run.PhaseSeconds.GetValueOrDefault(phase), 4);
    }

    private static string Name(GenerationPhase phase) => JsonNamingPolicy.SnakeCaseLower.ConvertName(phase.ToString());

    private static GenerationRequest ToRequest(JobSettings settings, RgbImage image) => new()
    {
        Image = image,
        Prompt = settings.Prompt ?? "",
        NegativePrompt = settings.NegativePrompt ?? "",
        Width = Need(settings.Width, "width"),
        Height = Need(settings.Height, "height"),
        NumFrames = Need(settings.NumFrames, "num_frames"),
        Fps = Need(settings.Fps, "fps"),
        Steps = settings.Steps,
        GuidanceScale = settings.GuidanceScale,
        Seed = settings.Seed ?? throw Missing("seed"),
        MotionAmount = settings.MotionAmount,
    };

    private static int Need(int? value, string name) => value ?? throw Missing(name);

    private static GenerationException Missing(string name) =>
        new(GenerationError.InvalidSettings, $"The job has no {name}; the gateway fills in what a request leaves open.");

    private static async Task<FilmInfo> RecordAsync(
        IAsyncEnumerable<RgbImage> frames, AttemptFolder folder, GenerationRequest request, AttemptProgress progress, CancellationToken ct)
    {
        await using var film = FilmWriter.Start(folder.Video, request.Width, request.Height, request.Fps);
        var count = 0;
        await foreach (var frame in frames.WithCancellation(ct))
        {
            if (count++ == 0)
            {
                await FilmWriter.WritePosterAsync(folder.Poster, frame, ct);
            }

            await film.WriteAsync(frame, ct);
        }

        if (count != request.NumFrames)
        {
            throw new GenerationException(GenerationError.InferenceFailed, $"The model made {count} frames where {request.NumFrames} were asked for.");
        }

        progress.Enter(JobPhase.Muxing);
        return await film.FinishAsync(ct);
    }

    private async Task UploadAsync(IReadOnlyList<ArtifactFile> files, UploadTargets targets, CancellationToken ct)
    {
        foreach (var file in files)
        {
            var target = targets.Uploads.FirstOrDefault(t => t.Name == file.Artifact.Name)
                ?? throw new GatewayException(GatewayError.Refused, $"The gateway gave no address for the {file.Artifact.Name}.");
            await transfer.UploadAsync(target, file.Path, ct);
        }
    }

    private JobMetrics Measure(AttemptProgress progress, ReadyModel model)
    {
        var peaks = bench.Device.Kind == DeviceKind.Cpu
            ? progress.PeakBytes
            : model.Pipeline.PhasePeakBytes.ToDictionary(peak => AttemptProgress.ToPhase(peak.Key), peak => peak.Value);
        return new JobMetrics
        {
            LoadSeconds = model.LoadSeconds,
            EncodeSeconds = progress.Seconds(JobPhase.Encoding),
            DenoiseSeconds = progress.Seconds(JobPhase.Denoising),
            DecodeSeconds = progress.Seconds(JobPhase.Decoding),
            MuxSeconds = progress.Seconds(JobPhase.Muxing),
            UploadSeconds = progress.Seconds(JobPhase.Uploading),
            PeakVramBytes = peaks.Count == 0 ? null : peaks.Values.Max(),
            PhasePeakBytes = peaks.Count == 0 ? null : peaks.ToDictionary(peak => JsonNamingPolicy.SnakeCaseLower.ConvertName(peak.Key.ToString()), peak => peak.Value),
            Warm = model.Warm,
            Caches = model.Pipeline.LastRun is not { } run ? null : new Dictionary<string, CacheCount>
            {
                ["prompts"] = new(run.Prompts.Hits, run.Prompts.Misses),
                ["images"] = new(run.Images.Hits, run.Images.Misses),
                ["latents"] = new(run.Latents.Hits, run.Latents.Misses),
            },
        };
    }

    private JobManifest Describe(ClaimedJob job, ReadyModel model, AppliedSettings applied, JobMetrics metrics) => new()
    {
        JobId = JobId.Format(job.JobId),
        Attempt = job.Attempt,
        Model = model.Package.Manifest.Name,
        ModelVersion = model.Package.Manifest.Version,
        PackageSha256 = model.Package.Sha256,
        InputSha256 = job.InputSha256,
        Applied = applied,
        Metrics = metrics,
        Device = new JobManifest.DeviceFacts(bench.Device.Kind.ToString().ToLowerInvariant(), bench.Device.Name),
        Versions = new JobManifest.VersionFacts(WorkerProcess.Version, Environment.Version.ToString(), Environment.OSVersion.VersionString),
        CreatedAt = time.GetUtcNow(),
    };
}

/// <summary>What an attempt works with on this machine.</summary>
internal sealed record Workbench(Device Device, DeviceThread Thread, Scratch Scratch);
