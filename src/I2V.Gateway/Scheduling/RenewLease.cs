using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Scheduling;

/// <summary><c>POST /worker/v1/claims/{lease}/heartbeat</c>: renews the lease, stores progress, brings back a cancel and a drain.</summary>
internal static class RenewLease
{
    public static async Task<Ok<HeartbeatAnswer>> HandleAsync(
        Guid lease, ClaimHeartbeat report, JobTransitions transitions, IOptions<SchedulingOptions> options, CancellationToken ct)
    {
        var beat = await transitions.HeartbeatAsync(new Lease(report.JobId, report.Attempt, lease), report.Progress, report.Plan, ct);
        var action = beat switch
        {
            null => HeartbeatAction.Lost,
            { CancelRequested: true } => HeartbeatAction.Cancel,
            _ => HeartbeatAction.Continue,
        };
        return TypedResults.Ok(new HeartbeatAnswer(action, options.Value.LeaseSeconds) { Drain = beat?.DrainRequested ?? false });
    }
}
