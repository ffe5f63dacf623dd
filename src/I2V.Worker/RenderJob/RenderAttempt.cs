using System.Text.Json;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;
using I2V.Worker.Gateway;
using I2V.Worker.Models;

namespace I2V.Worker.RenderJob;

/// <summary>One attempt at one job, from the picture to the stored film.</summary>
internal sealed class RenderAttempt(
    GatewayClient gateway,
    SignedTransfer transfer,
    ModelHost models,
    Workbench bench,
    TimeProvider time)
{
    /// <summary>A PNG of the largest picture that the gateway accepts, as badly compressible as it may be.</summary>
    private static readonly ImageLimits InputLimits = new() { MaxBytes = 256L << 20, Timeout = TimeSpan.FromSeconds(60) };

    public Device Device => bench.Device;

    /// <summary>Returns when the gateway has taken the film.</summary>
    /// <param name="job">What to make.</param>
    /// <param name="progress">Hears of every phase and step.</param>
    /// <param name="ct">Stops the attempt within one step.</param>
    public async Task<AttemptEnded> RunAsync(ClaimedJob job, AttemptProgress progress, CancellationToken ct)
    {
        // 1. A folder for this attempt alone, gone on every path.
        using var folder = bench.Scratch.Open(job.JobId, job.Attempt);

        // 2. The model: the one that is loaded, or another one in its place.
        progress.Enter(JobPhase.Loading);
        var model = await models.UseAsync(job.Spec.Model, ct);

        // 3. The picture, exactly as it was submitted.
        progress.Enter(JobPhase.Encoding);
        var png = await transfer.DownloadAsync(job.InputUrl, InputLimits.MaxBytes, job.InputSha256, ct);
        var image = await ImageReader.ReadAsync(png, InputLimits, ct);

        // 4. The frames, encoded while the next ones are made, and the first one as the poster.
        var request = ToRequest(job.Spec.Settings, image);
        var frames = FrameStream.GenerateAsync(bench.Thread, model.Pipeline, request, progress, ct);
        var film = await RecordAsync(frames, folder, request, progress, ct);

        // 5. What it took to make it, and how to make it again.
        progress.Enter(JobPhase.Uploading);
        var exact = bench.Device.Kind == DeviceKind.Cpu;
        var applied = new AppliedSettings(job.Spec.Settings)
        {
            Rung = "resident",
            Determinism = exact ? "exact" : "close",
            DeterminismPsnrDb = exact ? null : model.Package.Manifest.RepeatPsnrDb,
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
            Metrics = Measure(progress, model),
        };
        ct.ThrowIfCancellationRequested();
        return await Repeat.TransientAsync(call => gateway.CompleteAsync(job.LeaseToken, complete, call), time, CancellationToken.None);
    }

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
