using System.Net;
using System.Net.Http.Json;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>A stack whose one worker may use 2 GB, where the model's envelope ends at 16 frames.</summary>
public sealed class SmallCard : IAsyncLifetime
{
    internal Stack Stack { get; private set; } = null!;

    internal WorkerHandle Worker { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Stack = await Stack.StartAsync();
        Worker = await Stack.StartWorkerAsync(package: await TinyPackage.GetAsync(), memoryLimit: "2GB");
    }

    public async ValueTask DisposeAsync() => await Stack.DisposeAsync();
}

/// <summary>What becomes of jobs that are too large for the card, from the request to the film.</summary>
public sealed class FittingTests(SmallCard running) : IClassFixture<SmallCard>
{
    private const string Model = "i2vgen-xl";

    private readonly Stack stack = running.Stack;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static JobSettings Long { get; } = new() { Prompt = "waves", Width = 64, Height = 64, NumFrames = 24, Fps = 8, Steps = 2, Seed = 3 };

    [Fact]
    public async Task A_job_that_is_too_long_becomes_shorter_and_says_so()
    {
        var job = await stack.WaitForEndAsync(await SubmitAsync(Long, fit: null));

        Assert.True(job.Status == JobStatus.Succeeded, job.Error?.Message);
        Assert.Equal((24, 16), (job.Requested.NumFrames, job.Applied.NumFrames));
        Assert.Equal(16, (await Film.DownloadAsync(job)).FrameCount);
        var change = Assert.Single(job.Degradations);
        Assert.Equal(("frames_reduced", "num_frames", "24", "16"), (change.Code, change.Field, change.From, change.To));
        Assert.Contains("16 frames instead of 24", change.Message, StringComparison.Ordinal);
        Assert.NotNull(job.Applied.Rung);
    }

    [Fact]
    public async Task A_floor_above_what_fits_ends_the_job_with_what_was_needed()
    {
        var job = await stack.WaitForEndAsync(await SubmitAsync(Long, new JobFit { MinFrames = 20 }));

        Assert.Equal((JobStatus.Failed, ErrorCode.VramInsufficient, false), (job.Status, job.Error?.Code, job.Error?.Retryable));
        Assert.Matches("needs [0-9.]+ GB", job.Error!.Message);
        Assert.All(await stack.AttemptsAsync(job), attempt => Assert.Equal("refused", attempt.Outcome));
    }

    [Fact]
    public async Task A_job_that_must_not_be_degraded_fails_and_one_that_fits_is_made_as_it_is()
    {
        var strict = new JobFit { Policy = FitPolicy.Fail };

        var refused = await stack.WaitForEndAsync(await SubmitAsync(Long, strict));
        var made = await stack.WaitForEndAsync(await SubmitAsync(Long with { NumFrames = 16 }, strict));

        Assert.Equal((JobStatus.Failed, ErrorCode.VramInsufficient), (refused.Status, refused.Error?.Code));
        Assert.True(made.Status == JobStatus.Succeeded, made.Error?.Message);
        Assert.Empty(made.Degradations);
        Assert.Equal(16, made.Applied.NumFrames);
    }

    [Fact]
    public async Task A_second_job_with_the_same_prompt_and_picture_finds_both_in_the_caches()
    {
        var settings = Long with { NumFrames = 3, Prompt = "a prompt of this test alone" };
        var first = await stack.WaitForEndAsync(await SubmitAsync(settings, fit: null));
        var second = await stack.WaitForEndAsync(await SubmitAsync(settings, fit: null));

        Assert.True(second.Status == JobStatus.Succeeded, second.Error?.Message);
        Assert.Equal(1, first.Metrics!.Caches!["prompts"].Misses);
        Assert.All(["prompts", "images", "latents"], cache => Assert.Equal(0, second.Metrics!.Caches![cache].Misses));
    }

    [Fact]
    public async Task Fast_takes_fewer_steps_unless_the_request_names_them()
    {
        var preset = await stack.WaitForEndAsync(await SubmitAsync(Long with { NumFrames = 2, Steps = null, Preset = "final" }, fit: null, speed: "fast"));
        var named = await stack.WaitForEndAsync(await SubmitAsync(Long with { NumFrames = 2 }, fit: null, speed: "fast"));

        Assert.Equal((JobStatus.Succeeded, 25), (preset.Status, preset.Applied.Steps));
        Assert.Equal((JobStatus.Succeeded, 2), (named.Status, named.Applied.Steps));
    }

    private async Task<JobObject> SubmitAsync(JobSettings settings, JobFit? fit, string speed = "exact")
    {
        using var form = new MultipartFormDataContent();
        using var photo = new ByteArrayContent(await File.ReadAllBytesAsync(await Photos.PatternAsync(), Ct));
        form.Add(photo, "image", "photo.png");
        form.Add(JsonContent.Create(new { model = Model, input = settings, fit, speed }, options: I2VJson.Options), "request");
        using var answer = await stack.Http.PostAsync(new Uri("v1/jobs", UriKind.Relative), form, Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync(Ct));
        return (await answer.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, Ct))!;
    }
}
