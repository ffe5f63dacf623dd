using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using I2V.IntegrationTests.Servers;
using I2V.Media;
using I2V.Protocol;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Jobs;

/// <summary>Speaks the worker protocol like a real worker and makes real films, without a model. The test says when.</summary>
internal sealed class FakeWorker(TestGateway gateway) : IDisposable
{
    private readonly HttpClient client = gateway.NewClient(gateway.WorkerKey);
    private readonly HttpClient plain = new();
    private Guid id;

    public static ModelCapability Motion { get; } = new()
    {
        Name = "motion",
        Family = "motion",
        Version = "1",
        PackageSha256 = new string('0', 64),
        Description = "Moves a camera over the photo.",
        Limits = new ModelLimits
        {
            Width = new IntRange(32, 1024),
            Height = new IntRange(32, 1024),
            SizeMultipleOf = 2,
            DefaultLongestSide = 128,
            Frames = new IntRange(1, 64),
            FrameRule = "any",
            Fps = new IntRange(1, 60),
        },
        UsedSettings = ["prompt", "motion_amount"],
        Defaults = new JobSettings { Prompt = "", NumFrames = 16, Fps = 8, MotionAmount = 0.5 },
    };

    public static ModelCapability Lab { get; } = Motion with
    {
        Name = "lab",
        Limits = Motion.Limits with { SizeMultipleOf = 8, FrameRule = "4k+1", Steps = new IntRange(1, 50), GuidanceScale = new DoubleRange(1, 20) },
        UsedSettings = ["prompt", "negative_prompt", "steps", "guidance_scale"],
        Defaults = new JobSettings { Prompt = "", NumFrames = 5, Fps = 8, Steps = 20, GuidanceScale = 7.5 },
    };

    public Task RegisterAsync(params ModelCapability[] models) =>
        RegisterAsync(
            new WorkerDevice { Kind = DeviceKind.Cpu, Id = "test/cpu-0", Name = "Test processor", MemoryTotalBytes = 8L << 30, MemoryFreeBytes = 4L << 30 },
            models);

    /// <summary>The worker is called as its device's id is.</summary>
    public async Task RegisterAsync(WorkerDevice device, params ModelCapability[] models)
    {
        var registration = new RegisterWorker
        {
            Name = device.Id,
            Host = "test",
            Device = device,
            Models = models,
            Lanes = Lanes.Served(models.Select(model => model.Name), device.MemoryTotalBytes),
            Version = "test",
        };
        id = (await PostAsync<WorkerRegistered>("/worker/v1/workers", registration))!.WorkerId;
    }

    public async Task GoodbyeAsync()
    {
        using var response = await client.DeleteAsync($"/worker/v1/workers/{id}", TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
    }

    /// <summary>Null when nothing waits.</summary>
    /// <param name="free">Bytes that are free on the device now; null when the worker does not say.</param>
    public Task<ClaimedJob?> ClaimAsync(long? free = null) =>
        PostAsync<ClaimedJob>("/worker/v1/claims", new ClaimRequest { WorkerId = id, MemoryFreeBytes = free });

    /// <summary>Any report about the attempt, with whatever answer it gets.</summary>
    public Task<HttpResponseMessage> SayAsync(ClaimedJob job, string verb, object report) =>
        client.PostAsync(
            $"/worker/v1/claims/{job.LeaseToken}/{verb}",
            JsonContent.Create(report, report.GetType(), options: I2VJson.Options),
            TestContext.Current.CancellationToken);

    public async Task<HeartbeatAction> BeatAsync(ClaimedJob job, JobPhase phase, double percent, int? step = null) =>
        (await PostAsync<HeartbeatAnswer>($"/worker/v1/claims/{job.LeaseToken}/heartbeat", new ClaimHeartbeat
        {
            JobId = job.JobId,
            Attempt = job.Attempt,
            Progress = new JobProgress { Phase = phase, Percent = percent, Step = step, TotalSteps = step is null ? null : 4, EtaSeconds = (100 - percent) / 10 },
        }))!.Action;

    public async Task FailAsync(ClaimedJob job, string code, string message) =>
        await PostAsync<AttemptEnded>($"/worker/v1/claims/{job.LeaseToken}/fail", new FailJob { JobId = job.JobId, Attempt = job.Attempt, Code = code, Message = message });

    /// <summary>Makes a film of the stored input, uploads it with a poster and reports.</summary>
    public async Task CompleteAsync(ClaimedJob job)
    {
        var ct = TestContext.Current.CancellationToken;
        var input = await ImageReader.ReadAsync(await plain.GetByteArrayAsync(job.InputUrl, ct), new ImageLimits(), ct);
        var files = await Film.MakeAsync(input, job.Spec.Settings, ct);
        var artifacts = files.Select(file => file.Artifact).ToArray();
        var targets = await PostAsync<UploadTargets>(
            $"/worker/v1/claims/{job.LeaseToken}/uploads", new BeginUpload { JobId = job.JobId, Attempt = job.Attempt, Artifacts = artifacts });
        foreach (var target in targets!.Uploads)
        {
            await UploadAsync(target, files.Single(file => file.Artifact.Name == target.Name), ct);
        }

        await PostAsync<AttemptEnded>($"/worker/v1/claims/{job.LeaseToken}/complete", new CompleteJob
        {
            JobId = job.JobId,
            Attempt = job.Attempt,
            Artifacts = artifacts,
            Applied = new AppliedSettings(job.Spec.Settings) { Rung = "full" },
            Metrics = new JobMetrics { DecodeSeconds = 0.1, Warm = true },
        });
    }

    public void Dispose()
    {
        client.Dispose();
        plain.Dispose();
    }

    private async Task UploadAsync(UploadTarget target, Film.File file, CancellationToken ct)
    {
        using var content = new ByteArrayContent(file.Bytes);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(file.Artifact.ContentType);
        using var request = new HttpRequestMessage(HttpMethod.Put, target.Url) { Content = content };
        foreach (var (name, value) in target.Headers.Where(header => !header.Key.StartsWith("Content-", StringComparison.OrdinalIgnoreCase)))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await plain.SendAsync(request, ct);
        response.EnsureSuccessStatusCode();
    }

    private async Task<T?> PostAsync<T>(string path, object body)
        where T : class
    {
        var ct = TestContext.Current.CancellationToken;
        using var response = await client.PostAsJsonAsync(path, body, I2VJson.Options, ct);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {response.StatusCode} {await response.Content.ReadAsStringAsync(ct)}");
        return response.StatusCode == HttpStatusCode.NoContent ? null : await response.Content.ReadFromJsonAsync<T>(I2VJson.Options, ct);
    }
}

/// <summary>A short film of a picture: it slides sideways, so that something moves.</summary>
internal static class Film
{
    public sealed record File(Artifact Artifact, byte[] Bytes);

    public static async Task<IReadOnlyList<File>> MakeAsync(RgbImage picture, JobSettings settings, CancellationToken ct)
    {
        var folder = TestFolder.Create("film");
        var (width, height, frames) = (settings.Width!.Value, settings.Height!.Value, settings.NumFrames!.Value);
        var video = Path.Combine(folder, "video.mp4");
        var poster = Path.Combine(folder, "poster.jpg");
        await using var writer = FilmWriter.Start(video, width, height, settings.Fps!.Value);
        for (var i = 0; i < frames; i++)
        {
            var frame = Slide(picture, width, height, i / (double)frames);
            await writer.WriteAsync(frame, ct);
            if (i == 0)
            {
                await FilmWriter.WritePosterAsync(poster, frame, ct);
            }
        }

        var info = await writer.FinishAsync(ct);
        return
        [
            await ReadAsync(
                "video",
                "video/mp4",
                video,
                artifact => artifact with { Width = width, Height = height, NumFrames = frames, Fps = info.Fps, DurationSeconds = info.DurationSeconds },
                ct),
            await ReadAsync("poster", "image/jpeg", poster, artifact => artifact with { Width = width, Height = height }, ct),
        ];
    }

    private static async Task<File> ReadAsync(string name, string type, string path, Func<Artifact, Artifact> more, CancellationToken ct)
    {
        var bytes = await System.IO.File.ReadAllBytesAsync(path, ct);
        var artifact = new Artifact { Name = name, ContentType = type, Bytes = bytes.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)) };
        return new File(more(artifact), bytes);
    }

    /// <summary>A window of 80 % of the picture that moves to the right.</summary>
    private static RgbImage Slide(RgbImage picture, int width, int height, double at)
    {
        var pixels = new byte[width * height * 3];
        for (var y = 0; y < height; y++)
        {
            var fromY = (int)((0.1 + (0.8 * y / height)) * picture.Height);
            for (var x = 0; x < width; x++)
            {
                var fromX = (int)(((0.2 * at) + (0.8 * x / width)) * picture.Width);
                Array.Copy(picture.Pixels, ((fromY * picture.Width) + fromX) * 3, pixels, ((y * width) + x) * 3, 3);
            }
        }

        return new RgbImage(width, height, pixels);
    }
}
