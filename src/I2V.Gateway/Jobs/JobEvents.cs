using System.Globalization;
using System.Security.Claims;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Events;
using I2V.Protocol.Jobs;
using Microsoft.EntityFrameworkCore;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>GET /v1/jobs/{id}/events</c>: a snapshot, the history or what follows <c>Last-Event-ID</c>, then what happens, until the job
/// ends. Everything comes from the table, so any gateway can go on where another stopped.
/// </summary>
internal sealed class JobEvents(JobReader jobs, JobObjects objects, JobsDb db, EventSignal signal, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    private const int PageSize = 200;
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15);

    public static async Task<IResult> HandleAsync(string id, HttpContext http, ClaimsPrincipal user, JobReader jobs, JobEvents events, CancellationToken ct)
    {
        if (!TryReadLastEventId(http.Request, out var last))
        {
            return Problems.Invalid("", "The header Last-Event-ID: must be the id of an event of this stream.");
        }

        if (await jobs.FindAsync(id, user, ct) is not { } job)
        {
            return JobReader.NotFound();
        }

        if (job.State.IsTerminal() && last >= job.EventSeq)
        {
            // The client has seen the end; 204 tells an EventSource to stop coming back.
            return TypedResults.NoContent();
        }

        await events.StreamAsync(job, last, http.Response, ct);
        return TypedResults.Empty;
    }

    private async Task StreamAsync(JobRow job, long last, HttpResponse response, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        using var waiter = signal.Subscribe(job.Id);
        try
        {
            var writer = new SseWriter(response);
            await writer.StartAsync(stop.Token);

            // Read after the subscription, so that a change since the first read is either in here or wakes us.
            if (await jobs.FindAsync(job.Id, job.TenantId, stop.Token) is { } current)
            {
                await writer.WriteAsync(JobEventTypes.Snapshot, (await objects.ToViewAsync(current, stop.Token)).Job, id: null, stop.Token);
                await FollowAsync(job.Id, last, writer, waiter, stop.Token);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The client has gone or this gateway stops; either way the stream can be taken up again elsewhere.
        }
    }

    private async Task FollowAsync(Guid id, long last, SseWriter writer, EventSignal.Waiter waiter, CancellationToken ct)
    {
        var pinged = clock.GetTimestamp();
        while (true)
        {
            var page = await db.Events.Where(row => row.JobId == id && row.Seq > last).OrderBy(row => row.Seq).Take(PageSize).ToListAsync(ct);
            foreach (var row in page)
            {
                await writer.WriteAsync(row.Type, row.Data, row.Seq, ct);
                last = row.Seq;
                if (JobEventTypes.IsTerminal(row.Type))
                {
                    return;
                }
            }

            if (page.Count == PageSize)
            {
                continue;
            }

            if (page.Count == 0 && !await db.Jobs.AnyAsync(job => job.Id == id, ct))
            {
                return;
            }

            if (clock.GetElapsedTime(pinged) >= PingEvery)
            {
                await writer.WriteAsync(JobEventTypes.Ping, new { }, id: null, ct);
                pinged = clock.GetTimestamp();
            }

            await waiter.WaitAsync(PingEvery - clock.GetElapsedTime(pinged), ct);
        }
    }

    private static bool TryReadLastEventId(HttpRequest request, out long last)
    {
        var text = request.Headers["Last-Event-ID"].ToString();
        last = 0;
        return text.Length == 0 || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out last);
    }
}
