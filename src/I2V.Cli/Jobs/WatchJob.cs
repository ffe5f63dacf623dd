using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>Watching a job on the terminal: what <c>watch</c> and <c>submit --watch</c> do.</summary>
/// <param name="api">The gateway.</param>
/// <param name="terminal">Where it is shown.</param>
/// <param name="json">One JSON object a line on stdout instead of a bar.</param>
/// <param name="timeout">How long to watch at most.</param>
internal sealed class WatchJob(ApiClient api, Terminal terminal, bool json, TimeSpan? timeout)
{
    /// <param name="jobId">The job.</param>
    /// <param name="path">Where its film goes; null when it stays at the gateway.</param>
    /// <param name="ct">The first Ctrl+C: watching ends, the job goes on.</param>
    public async Task<int> RunAsync(string jobId, string? path, CancellationToken ct)
    {
        using var limit = timeout is { } time ? new CancellationTokenSource(time, api.Time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var job = await WatchAsync(jobId, either.Token);
            return await FinishAsync(job, path, ct);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            var interrupted = ct.IsCancellationRequested;
            await terminal.Error.WriteLineAsync(
                $"{(interrupted ? "Stopped watching" : "Time is up")}; job {jobId} goes on.{Environment.NewLine}"
                + $"  watch again:  ./i2v watch {jobId}{(path is null ? "" : $" -o {path}")}{Environment.NewLine}"
                + $"  cancel it:    ./i2v cancel {jobId}");
            return interrupted ? ExitCode.Interrupted : ExitCode.TimedOut;
        }
    }

    internal static ProgressLine Line(WatchedEvent told)
    {
        if (told.Type == JobEventTypes.Snapshot && told.Data.Deserialize<JobObject>(I2VJson.Options) is { } job)
        {
            return JobWords.Line(job.Status, job.StatusReason, job.Progress, job.Queue);
        }

        var change = told.Data.Deserialize<JobEventData>(I2VJson.Options)!;
        return JobWords.Line(change.Status, change.StatusReason, change.Progress, queue: null);
    }

    /// <summary>What an event has to say beside the progress; null for most.</summary>
    internal static string? Sentence(WatchedEvent told) =>
        told.Type == JobEventTypes.Degraded && told.Data.Deserialize<JobEventData>(I2VJson.Options)?.Degraded is { } step ? JobWords.Step(step) : null;

    private Task<JobObject> WatchAsync(string jobId, CancellationToken ct)
    {
        if (json)
        {
            return new JobWatcher(api, jobId, told => PrintJson(new { @event = told.Type, data = told.Data })).WaitForEndAsync(ct);
        }

        var view = ProgressView.For(terminal);
        return view.WhileAsync(() => new JobWatcher(api, jobId, told => Show(view, told)).WaitForEndAsync(ct));
    }

    private static void Show(IProgressView view, WatchedEvent told)
    {
        if (Sentence(told) is { } sentence)
        {
            view.Tell(sentence);
        }

        view.Show(Line(told));
    }

    private async Task<int> FinishAsync(JobObject job, string? path, CancellationToken ct)
    {
        foreach (var note in JobWords.Notes(job))
        {
            await terminal.Error.WriteLineAsync(note);
        }

        if (job.Status != JobStatus.Succeeded)
        {
            await terminal.Error.WriteLineAsync(JobWords.End(job));
            return JobWords.ExitCodeOf(job.Status);
        }

        if (path is not null)
        {
            await FilmFile.DownloadAsync(job, path, api.Time, ct);
        }

        if (json)
        {
            PrintJson(new { @event = "result", data = job, path });
        }
        else
        {
            await terminal.Out.WriteLineAsync(path ?? job.Output?.Video?.Url);
        }

        return ExitCode.Ok;
    }

    private void PrintJson(object line) => terminal.Out.WriteLine(JsonSerializer.Serialize(line, I2VJson.Options));
}
