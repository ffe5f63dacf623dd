using System.Net.ServerSentEvents;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>One thing that happened to a job, as the gateway told it.</summary>
/// <param name="Type">The event's type, or <c>snapshot</c>.</param>
/// <param name="Data">A job object for a snapshot, else what changed.</param>
internal sealed record WatchedEvent(string Type, JsonElement Data);

/// <summary>
/// Follows a job to its end over its event stream. A stream that breaks is taken up after the last event that came; while
/// there is none the job is asked for, so that a proxy which swallows streams only makes progress coarser.
/// </summary>
internal sealed class JobWatcher(ApiClient api, string jobId, Action<WatchedEvent> told)
{
    /// <summary>The gateway pings every 15 s; silence for this long is a dead connection.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    /// <summary>How long nothing at all may answer. A gateway that restarts is back before.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private string? lastEventId;

    /// <summary>Returns the job once it has ended.</summary>
    public async Task<JobObject> WaitForEndAsync(CancellationToken ct)
    {
        var answered = api.Time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                var news = await FollowAsync(ct);
                var job = await api.GetJobAsync(jobId, ct);
                told(new WatchedEvent(JobEventTypes.Snapshot, JsonSerializer.SerializeToElement(job, I2VJson.Options)));
                if (job.Status.IsTerminal())
                {
                    return job;
                }

                answered = api.Time.GetTimestamp();
                pause = news ? FirstPause : pause;
            }
            catch (ApiException error) when (error.IsTransient)
            {
                if (api.Time.GetElapsedTime(answered) > Patience)
                {
                    throw new CliException($"{error.Message} The job goes on: ./i2v watch {jobId}", error);
                }
            }

            await Task.Delay(pause, api.Time, ct);
        }
    }

    /// <summary>Reads events until the stream ends, however it ends. True when any came.</summary>
    private async Task<bool> FollowAsync(CancellationToken ct)
    {
        var any = false;
        using var silence = new CancellationTokenSource(Silence, api.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, silence.Token);
        try
        {
            using var response = await api.OpenEventsAsync(jobId, lastEventId, either.Token);
            if (response is null)
            {
                return false;
            }

            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            await foreach (var item in SseParser.Create(body).EnumerateAsync(either.Token))
            {
                silence.CancelAfter(Silence);
                any = true;
                if (Tell(item))
                {
                    return true;
                }
            }
        }
        catch (Exception error) when (error is IOException or HttpRequestException or JsonException)
        {
            // The connection broke; asking for the job says what to do next.
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Silence.
        }

        return any;
    }

    /// <summary>True for the job's last event.</summary>
    private bool Tell(SseItem<string> item)
    {
        lastEventId = string.IsNullOrEmpty(item.EventId) ? lastEventId : item.EventId;
        if (item.EventType == JobEventTypes.Ping)
        {
            return false;
        }

        told(new WatchedEvent(item.EventType, JsonSerializer.Deserialize<JsonElement>(item.Data)));
        return JobEventTypes.IsTerminal(item.EventType);
    }
}
