using System.Text;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Tests.Worker;

namespace I2V.Tests.Cli;

/// <summary>What somebody who watches a job reads about memory that ran out.</summary>
public sealed class WatchJobTests : IDisposable
{
    private const string Lowered = "Device memory ran out while denoising, so the encoders leave the device once they have run: the film stays the same and takes longer.";

    private readonly StringWriter output = new();
    private readonly StringWriter error = new();

    private string[] Said => error.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        output.Dispose();
        error.Dispose();
    }

    [Theory]
    [InlineData(JobPhase.Denoising, "encoders_released", Lowered)]
    [InlineData(JobPhase.Loading, "streamed", "Device memory ran out while the model was loaded, so the denoiser's weights stay in the host's memory and pass through the device: the film stays the same and takes longer.")]
    [InlineData(JobPhase.Unknown, "of tomorrow", "Device memory ran out while the film was made, so the rung of tomorrow is used: the film stays the same and takes longer.")]
    public void A_step_that_costs_time_only_is_told_in_plain_words(JobPhase phase, string rung, string sentence) =>
        Assert.Equal(sentence, WatchJob.Sentence(Degraded(new DegradedStep(phase, "resident", rung, Degradation: null))));

    [Fact]
    public void A_step_that_changes_the_film_is_told_as_the_worker_says_it()
    {
        Assert.Equal(JobSamples.Fewer.Message, WatchJob.Sentence(Degraded(new DegradedStep(JobPhase.Decoding, "tiled", "tiled", JobSamples.Fewer))));
        Assert.Null(WatchJob.Sentence(new WatchedEvent(JobEventTypes.Progress, ToJson(JobSamples.Event(JobStatus.Running)))));
    }

    [Fact]
    public async Task Steps_are_told_while_the_job_runs_and_all_that_is_not_as_asked_at_its_end()
    {
        var job = JobSamples.Job(JobStatus.Succeeded) with
        {
            Degradations = [JobSamples.Fewer],
            Warnings = [new JobWarning("unused_setting", "steps", "The model does not use steps.")],
        };

        Assert.Equal(ExitCode.Ok, await WatchAsync(job, json: false));

        Assert.Equal(1, Said.Count(line => line == Lowered));
        Assert.Equal(["Note: " + JobSamples.Fewer.Message, "Note: The model does not use steps."], Said[^2..]);
        Assert.True(Array.IndexOf(Said, Lowered) < Array.FindIndex(Said, line => line.StartsWith("100%", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_job_that_failed_says_too_what_was_tried()
    {
        var job = JobSamples.Job(JobStatus.Failed) with { Degradations = [JobSamples.Fewer], Error = new JobError("vram_insufficient", "It does not fit.", false) };

        Assert.Equal(ExitCode.JobFailed, await WatchAsync(job, json: false));

        Assert.Equal(["Note: " + JobSamples.Fewer.Message, "The job failed (vram_insufficient): It does not fit."], Said[^2..]);
    }

    [Fact]
    public async Task Programs_get_the_event_itself()
    {
        await WatchAsync(JobSamples.Job(JobStatus.Succeeded), json: true);

        var degraded = output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Single(line => line.GetProperty("event").GetString() == JobEventTypes.Degraded);
        Assert.Equal("encoders_released", degraded.GetProperty("data").GetProperty("degraded").GetProperty("to_rung").GetString());
        Assert.DoesNotContain(Lowered, Said);
    }

    private static JsonElement ToJson<T>(T value) => JsonSerializer.SerializeToElement(value, I2VJson.Options);

    private static WatchedEvent Degraded(DegradedStep step) =>
        new(JobEventTypes.Degraded, ToJson(JobSamples.Event(JobStatus.Running) with { Degraded = step }));

    private static HttpResponseMessage Events(JobObject job)
    {
        var step = Degraded(new DegradedStep(JobPhase.Denoising, "sliced", "encoders_released", Degradation: null));
        var text = $"event: job.degraded\nid: 1\ndata: {step.Data}\n\nevent: job.{JobWords.Word(job.Status)}\nid: 2\ndata: {ToJson(JobSamples.Event(job.Status))}\n\n";
        return new HttpResponseMessage { Content = new StringContent(text, Encoding.UTF8, "text/event-stream") };
    }

    private Task<int> WatchAsync(JobObject job, bool json)
    {
        var server = new FakeServer(request =>
            request.RequestUri!.AbsolutePath.EndsWith("/events", StringComparison.Ordinal) ? Events(job) : FakeServer.Json(job));
        var api = new ApiClient(server.Client(), new ManualTimeProvider());
        return new WatchJob(api, new Terminal(output, error, Animates: false), json, timeout: null).RunAsync(job.Id, path: null, TestContext.Current.CancellationToken);
    }
}
