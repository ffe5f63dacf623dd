using I2V.Inference.Planning;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Fitting;
using I2V.Worker.Gateway;
using I2V.Worker.Models;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.RenderJob;

/// <summary>Runs an attempt under its lease and reports its end, whatever the end is. Nothing that an attempt throws leaves it.</summary>
internal sealed partial class AttemptRunner(
    RenderAttempt render,
    GatewayClient gateway,
    ModelHost models,
    StopPolicy stopping,
    ILogger<AttemptRunner> logger)
{
    /// <param name="job">What to run.</param>
    /// <param name="heartbeat">Longest silence towards the gateway.</param>
    public async Task<AttemptOutcome> RunAsync(ClaimedJob job, TimeSpan heartbeat)
    {
        using var scope = logger.BeginScope(new Dictionary<string, object> { ["JobId"] = JobId.Format(job.JobId), ["Attempt"] = job.Attempt });
        var start = stopping.Time.GetTimestamp();
        LogStarted(JobId.Format(job.JobId), job.Attempt);
        var outcome = await RunUnderLeaseAsync(job, heartbeat);
        LogEnded(JobId.Format(job.JobId), job.Attempt, outcome, stopping.Time.GetElapsedTime(start).TotalSeconds);
        return outcome;
    }

    private async Task<AttemptOutcome> RunUnderLeaseAsync(ClaimedJob job, TimeSpan heartbeat)
    {
        await using var lease = LeaseKeeper.Start(gateway, job, heartbeat, () => render.Device.Vitals, stopping.Time, logger);
        try
        {
            var denoises = models.Find(job.Spec.Model).Manifest.Steps is not null;
            var progress = new AttemptProgress(stopping.Time, denoises, lease.Report);
            using var stop = stopping.Watch(lease, progress);
            await using var watch = new PlanWatch(gateway, job, lease, logger);
            await render.RunAsync(job, progress, watch, lease.Stopped);
            return AttemptOutcome.Succeeded;
        }
        catch (GatewayException error) when (error.IsLost)
        {
            return AttemptOutcome.Lost;
        }
#pragma warning disable CA1031 // Every end of an attempt is reported; an exception here would put the ticket into an error queue.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return await ReportAsync(job, lease.Reason, error);
        }
    }

    /// <summary>Says how the attempt ended; a device that is lost ends the process, but only after that.</summary>
    internal async Task<AttemptOutcome> ReportAsync(ClaimedJob job, AttemptStop reason, Exception error)
    {
        try
        {
            return reason switch
            {
                AttemptStop.Lost => AttemptOutcome.Lost,
                AttemptStop.Canceled => await FailAsync(job, new Failure(ErrorCode.Conflict, "The job was canceled."), AttemptOutcome.Canceled),
                AttemptStop.RunTimeout => await FailAsync(job, TooLong(job), AttemptOutcome.Failed),
                AttemptStop.Draining => await ReleaseAsync(job),
                _ when error is DoesNotFitException { Refusal.Code: ErrorCode.VramInsufficient or ErrorCode.RamInsufficient } misfit => await RefuseAsync(job, misfit.Refusal),
                _ => await FailAsync(job, LogAndClassify(error), AttemptOutcome.Failed),
            };
        }
        catch (GatewayException silence)
        {
            // Either the lease is gone already, or it will lapse: the gateway then returns the job to the queue.
            LogNotReported(silence.Message);
            return AttemptOutcome.Lost;
        }
        finally
        {
            if (FailureClassifier.IsDeviceLost(error))
            {
                stopping.EndForLostDevice();
            }
        }
    }

    private static Failure TooLong(ClaimedJob job) =>
        new(ErrorCode.RunTimeout, $"The attempt was stopped after {job.RunTimeoutSeconds} s, its time limit.");

    private Failure LogAndClassify(Exception error)
    {
        var failure = FailureClassifier.Classify(error);
        LogFailed(failure.Code, error);
        return failure;
    }

    private async Task<AttemptOutcome> FailAsync(ClaimedJob job, Failure failure, AttemptOutcome outcome)
    {
        var fail = new FailJob { JobId = job.JobId, Attempt = job.Attempt, Code = failure.Code, Message = failure.Message };
        await Repeat.TransientAsync(ct => gateway.FailAsync(job.LeaseToken, fail, ct), stopping.Time, CancellationToken.None);
        return outcome;
    }

    private async Task<AttemptOutcome> RefuseAsync(ClaimedJob job, PlanRefusal refusal)
    {
        LogRefused(refusal.Message);
        var refuse = new RefuseJob
        {
            JobId = job.JobId,
            Attempt = job.Attempt,
            Code = refusal.Code,
            NeededBytes = refusal.NeededBytes,
            FreeBytes = refusal.BudgetBytes,
            Message = refusal.Message,
        };
        await Repeat.TransientAsync(ct => gateway.RefuseAsync(job.LeaseToken, refuse, ct), stopping.Time, CancellationToken.None);
        return AttemptOutcome.Refused;
    }

    private async Task<AttemptOutcome> ReleaseAsync(ClaimedJob job)
    {
        var release = new ReleaseJob { JobId = job.JobId, Attempt = job.Attempt, Reason = "The worker stops." };
        await Repeat.TransientAsync(ct => gateway.ReleaseAsync(job.LeaseToken, release, ct), stopping.Time, CancellationToken.None);
        return AttemptOutcome.Released;
    }

    [LoggerMessage(3001, LogLevel.Information, "Started job {JobId}, attempt {Attempt}")]
    private partial void LogStarted(string jobId, int attempt);

    [LoggerMessage(3002, LogLevel.Information, "Ended job {JobId}, attempt {Attempt}: {Outcome} after {Seconds:0.00} s")]
    private partial void LogEnded(string jobId, int attempt, AttemptOutcome outcome, double seconds);

    [LoggerMessage(3005, LogLevel.Information, "The job does not fit this worker now: {Reason}")]
    private partial void LogRefused(string reason);

    [LoggerMessage(3003, LogLevel.Error, "The attempt failed with {Code}")]
    private partial void LogFailed(string code, Exception error);

    [LoggerMessage(3004, LogLevel.Warning, "The end of the attempt could not be reported: {Reason}")]
    private partial void LogNotReported(string reason);
}
