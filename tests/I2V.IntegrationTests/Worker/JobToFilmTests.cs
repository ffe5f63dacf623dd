using System.Text.Json;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>One stack with one worker for the tests in which nothing breaks.</summary>
public sealed class OneWorker : IAsyncLifetime
{
    internal Stack Stack { get; private set; } = null!;

    internal WorkerHandle Worker { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Stack = await Stack.StartAsync();
        Worker = await Stack.StartWorkerAsync();
    }

    public async ValueTask DisposeAsync() => await Stack.DisposeAsync();
}

public sealed class JobToFilmTests(OneWorker running) : IClassFixture<OneWorker>
{
    private readonly Stack stack = running.Stack;

    [Fact]
    public async Task A_photo_becomes_a_film_that_plays_in_a_browser_and_moves()
    {
        var submitted = await stack.SubmitAsync(await Photos.PatternAsync(), new JobSettings { Prompt = "slow zoom in", NumFrames = 12, Fps = 6, Seed = 4 });
        var job = await stack.WaitForEndAsync(submitted);
        Assert.True(job.Status == JobStatus.Succeeded, job.Error?.Message);

        var film = await Film.DownloadAsync(job);
        Assert.Equal(("h264", "yuv420p", 12), (film.Codec, film.PixelFormat, film.FrameCount));
        Assert.Equal((512, 342), (film.Width, film.Height));
        Assert.True(film.Boxes.ToList().IndexOf("moov") < film.Boxes.ToList().IndexOf("mdat"), string.Join(" ", film.Boxes));
        Assert.InRange(Film.Difference(film.Frames[0], film.Frames[^1]), 3, 200);
        Assert.All(film.Frames.Zip(film.Frames.Skip(1)), pair => Assert.NotEqual(pair.First.Pixels, pair.Second.Pixels));

        var video = job.Output!.Video!;
        Assert.Equal((12, 6.0, 2.0), (video.NumFrames!.Value, video.Fps!.Value, video.DurationSeconds!.Value));
        Assert.Equal(new FileInfo(film.Path).Length, video.Bytes);
        Assert.Equal((4, "resident"), (job.Applied.Seed, job.Applied.Rung));
        Assert.True(job.Metrics!.Warm);
        Assert.InRange(job.Metrics.DecodeSeconds!.Value, 0.001, 60);
        Assert.InRange(job.Metrics.PeakVramBytes!.Value, 1L << 20, 1L << 36);
    }

    [Fact]
    public async Task Poster_and_manifest_lie_beside_the_film()
    {
        var job = await stack.WaitForEndAsync(await stack.SubmitAsync(await Photos.PatternAsync()));
        using var http = new HttpClient();
        var poster = await http.GetByteArrayAsync(new Uri(job.Output!.Poster!.Url), TestContext.Current.CancellationToken);
        Assert.Equal([0xFF, 0xD8, 0xFF], poster[..3]);

        var manifest = JsonDocument.Parse(await http.GetStringAsync(new Uri(job.Output.Manifest!.Url), TestContext.Current.CancellationToken)).RootElement;
        Assert.Equal(job.Id, manifest.GetProperty("job_id").GetString());
        Assert.Equal("motion", manifest.GetProperty("model").GetString());
        Assert.Equal(64, manifest.GetProperty("package_sha256").GetString()!.Length);
        Assert.Equal(7, manifest.GetProperty("applied").GetProperty("seed").GetInt64());
        Assert.Equal("cpu", manifest.GetProperty("device").GetProperty("provider").GetString());
    }

    [Fact]
    public async Task A_turned_photo_comes_out_upright()
    {
        var submitted = await stack.SubmitAsync(await Photos.TurnedAsync(), new JobSettings { Prompt = "zoom in", MotionAmount = 0, NumFrames = 2, Seed = 1 });
        var film = await Film.DownloadAsync(await stack.WaitForEndAsync(submitted));
        Assert.Equal((256, 512), (film.Width, film.Height));
        var top = Film.Pixel(film.Frames[0], film.Width / 2, film.Height / 8);
        var bottom = Film.Pixel(film.Frames[0], film.Width / 2, film.Height * 7 / 8);
        Assert.True(top.R > 200 && top.B < 60, $"The top is {top}, and should be red.");
        Assert.True(bottom.B > 200 && bottom.R < 60, $"The bottom is {bottom}, and should be blue.");
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_film_bit_for_bit()
    {
        var photo = await Photos.PatternAsync();
        var first = await stack.WaitForEndAsync(await stack.SubmitAsync(photo));
        var second = await stack.WaitForEndAsync(await stack.SubmitAsync(photo));
        var other = await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Photos.Quick with { Seed = 8 }));
        Assert.Equal(first.Output!.Video!.Sha256, second.Output!.Video!.Sha256);
        Assert.NotEqual(first.Output.Video.Sha256, other.Output!.Video!.Sha256);
    }

    [Fact]
    public async Task A_canceled_job_frees_the_worker_within_a_heartbeat_and_a_step()
    {
        var slow = await stack.SubmitAsync(await Photos.PatternAsync(), Photos.Slow);
        await stack.WaitForFramesAsync(slow);
        Assert.NotEmpty(stack.ScratchFiles);

        var next = await stack.SubmitAsync(await Photos.PatternAsync()); // waits for the only worker

        var asked = TimeProvider.System.GetTimestamp();
        var answer = await stack.Api.CancelAsync(slow.Id, TestContext.Current.CancellationToken);
        Assert.Equal(("canceling", JobStatus.Running, "canceling"), (answer.Result, answer.Job.Status, answer.Job.StatusReason));
        await stack.WaitAsync(next, now => now.Status != JobStatus.Queued);
        Assert.InRange(TimeProvider.System.GetElapsedTime(asked).TotalSeconds, 0, 8); // 3, a step of less than 1, and a busy machine

        var ended = await stack.WaitForEndAsync(slow);
        Assert.Equal(JobStatus.Canceled, ended.Status);
        Assert.Single(await stack.AttemptsAsync(slow));
        Assert.Equal(JobStatus.Succeeded, (await stack.WaitForEndAsync(next)).Status);
        await stack.WaitForEmptyScratchAsync();
        Assert.True(running.Worker.IsAlive);
    }

    [Fact]
    public async Task After_a_film_nothing_is_left_in_scratch()
    {
        await stack.WaitForEndAsync(await stack.SubmitAsync(await Photos.PatternAsync()));
        await stack.WaitForEmptyScratchAsync();
    }

    [Fact]
    public async Task A_picture_that_vanished_from_storage_fails_the_job_and_leaves_nothing_in_scratch()
    {
        var photo = await Photos.PatternAsync();
        var before = await stack.SubmitAsync(photo, Photos.Slow); // keeps the worker from it until the picture is gone
        await stack.WaitForFramesAsync(before);
        var job = await stack.SubmitAsync(photo);
        Assert.True(JobId.TryParse(job.Id, out var id));
        var inputs = Directory.EnumerateFiles(stack.Objects, "input.png*", SearchOption.AllDirectories).Where(path => path.Contains($"{id:N}", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(inputs);
        inputs.ForEach(File.Delete);

        await stack.Api.CancelAsync(before.Id, TestContext.Current.CancellationToken);
        var ended = await stack.WaitForEndAsync(job);
        Assert.Equal((JobStatus.Failed, ErrorCode.StorageUnavailable), (ended.Status, ended.Error!.Code));
        Assert.DoesNotContain("/", ended.Error.Message, StringComparison.Ordinal);
        Assert.Equal(3, (await stack.AttemptsAsync(job)).Count);
        await stack.WaitForEmptyScratchAsync();
    }

    [Fact]
    public async Task A_second_worker_on_the_same_device_does_not_start()
    {
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => stack.StartWorkerAsync());
        Assert.Contains("already belongs to another process", refusal.Message, StringComparison.Ordinal);
        Assert.True(running.Worker.IsAlive);
    }

    [Fact]
    public void Logs_hold_no_signed_address_and_no_key()
    {
        Assert.DoesNotContain("http://", running.Worker.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("i2v_live_", running.Worker.Log, StringComparison.Ordinal);
    }
}
