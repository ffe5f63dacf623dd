using System.Text.Json;
using I2V.Gateway.Database;
using I2V.Gateway.Jobs;
using I2V.Gateway.Scheduling;
using I2V.Protocol;
using I2V.Protocol.Webhooks;

namespace I2V.Gateway.Webhooks;

/// <summary>
/// Sends due deliveries, on every gateway without a leader: a claimed one is nobody else's until its lease lapses, and what came
/// of an attempt is written only under that lease. A gateway that dies between the answer and the note makes the receiver
/// hear twice, under the same <c>webhook-id</c>; nothing makes it hear nothing.
/// </summary>
internal sealed partial class WebhookSender(
    WebhookDeliveries deliveries, WebhookPost post, IServiceScopeFactory scopes, JobSignals signals, ILogger<WebhookSender> log)
    : BackgroundService
{
    private const int MostAtOnce = 32;

    /// <summary>How late a retry may be, or what a gateway that died has left; the end of a job is told at once.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(5);

    /// <summary>A gateway whose jobs change all the time looks no more often than that.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    private const string Gone = "The receiver answered 410 Gone.";

    /// <summary>What is under way when the process stops may still end; what does not is another gateway's when the lease lapses.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var sending = new CancellationTokenSource();
        using var stop = stoppingToken.Register(() => sending.CancelAfter(Grace));
        var underWay = new List<Task>();
        Task? wake = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            underWay.RemoveAll(task => task.IsCompleted);
            var found = underWay.Count < MostAtOnce ? await TryClaimAsync(MostAtOnce - underWay.Count, stoppingToken) : [];
            underWay.AddRange(found.Select(delivery => SendAsync(delivery, sending.Token)));

            // Something that ends may make room for more of its tenant at once; else there is nothing to do until the next look.
            wake = wake is { IsCompleted: false } ? wake : signals.WaitForWebhookAsync(Idle, stoppingToken);
            await Task.WhenAny([wake, .. underWay]);
            await Task.Delay(Rest, CancellationToken.None);
        }

        await Task.WhenAll(underWay);
    }

    private async Task<IReadOnlyList<DueDelivery>> TryClaimAsync(int most, CancellationToken ct)
    {
        try
        {
            return await deliveries.ClaimAsync(most, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return [];
        }
        catch (Exception error) when (DatabaseFailure.IsPassing(error))
        {
            LogPostponed(error.Message);
            return [];
        }
    }

    /// <summary>Whatever goes wrong here is this delivery's fate and no other's: its lease lapses and it is tried again.</summary>
    private async Task SendAsync(DueDelivery delivery, CancellationToken ct)
    {
        try
        {
            var verdict = await AttemptAsync(delivery, ct);
            if (!await deliveries.FinishAsync(delivery, verdict, ct))
            {
                LogTakenOver(WebhookIds.Delivery(delivery.Id));
            }
            else if (verdict.Disable is not null)
            {
                LogDisabled(WebhookIds.Delivery(delivery.Id));
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            LogBrokenOff(WebhookIds.Delivery(delivery.Id));
        }
        catch (Exception error)
        {
            LogFailed(WebhookIds.Delivery(delivery.Id), error);
        }
    }

    private async Task<Verdict> AttemptAsync(DueDelivery delivery, CancellationToken ct)
    {
        if (delivery.IsDisabled || await ReadMessageAsync(delivery, ct) is not { } body)
        {
            // Nobody wants it any more, or its job was deleted after the claim, and the row with it.
            return new Verdict("failed", Attempt: null);
        }

        var result = await post.SendAsync(delivery.Url, WebhookIds.Delivery(delivery.Id), body, delivery.Secrets, ct);
        if (result.IsDelivered)
        {
            return new Verdict("delivered", result.Attempt);
        }

        if (result.IsGone)
        {
            return new Verdict("failed", result.Attempt, Disable: Gone);
        }

        return RetrySchedule.After(delivery.Tries + 1, result.RetryAfter) is { } wait
            ? new Verdict("pending", result.Attempt, wait)
            : new Verdict("failed", result.Attempt);
    }

    /// <summary>The job as it is told now: an ended job never changes, and its links are fresh.</summary>
    private async Task<byte[]?> ReadMessageAsync(DueDelivery delivery, CancellationToken ct)
    {
        await using var scope = scopes.CreateAsyncScope();
        if (await scope.ServiceProvider.GetRequiredService<JobReader>().FindAsync(delivery.JobId, delivery.TenantId, ct) is not { } row)
        {
            return null;
        }

        var view = await scope.ServiceProvider.GetRequiredService<JobObjects>().ToViewAsync(row, ct);
        return JsonSerializer.SerializeToUtf8Bytes(new WebhookMessage(delivery.Event, delivery.EventAt, view.Job), I2VJson.Options);
    }

    [LoggerMessage(9001, LogLevel.Warning, "Webhooks wait: the database does not answer: {Reason}")]
    private partial void LogPostponed(string reason);

    [LoggerMessage(9002, LogLevel.Warning, "Another gateway took webhook {Delivery} over while this one waited for an answer")]
    private partial void LogTakenOver(string delivery);

    [LoggerMessage(9003, LogLevel.Information, "Webhook {Delivery} was answered 410; its endpoint is disabled")]
    private partial void LogDisabled(string delivery);

    [LoggerMessage(9004, LogLevel.Information, "Webhook {Delivery} was broken off because the process stops; it is sent again")]
    private partial void LogBrokenOff(string delivery);

    [LoggerMessage(9005, LogLevel.Error, "Webhook {Delivery} could not be attempted; it is tried again when its lease lapses")]
    private partial void LogFailed(string delivery, Exception error);
}
