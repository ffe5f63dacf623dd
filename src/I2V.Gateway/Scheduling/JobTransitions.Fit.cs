using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using RefusalReport = I2V.Protocol.Workers.RefuseJob;

namespace I2V.Gateway.Scheduling;

// This part: jobs that do not fit a card, or fit it worse than planned.
internal sealed partial class JobTransitions
{
    private const string RefusedOutcome = "refused";

    /// <summary>Takes back a job that does not fit the worker, and remembers why. Null: the lease is gone.</summary>
    public async Task<AttemptEnded?> RefuseAsync(Lease lease, RefusalReport refusal, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Refuse);
        command.Parameters
            .Lease(lease).Text(refusal.Code).Long(refusal.NeededBytes).Long(refusal.FreeBytes).Text(refusal.Message);
        return await EndAsync(command, lease, ct) ?? await FindEndedAsync(lease, RefusedOutcome, refusal.Code, ct);
    }

    /// <summary>Writes down a step down the ladder. False: the lease is gone. The same step again changes nothing.</summary>
    public async Task<bool> DegradeAsync(Lease lease, JobDegraded step, CancellationToken ct)
    {
        var details = new { Degraded = new DegradedStep(step.Phase, step.FromRung, step.ToRung, step.Degradation) };
        IReadOnlyList<Degradation> lost = step.Degradation is { } degradation ? [degradation] : [];
        await using var command = database.CreateCommand(TransitionSql.Degrade);
        command.Parameters.Lease(lease).Text(step.ToRung).Json(step.Applied).Json(lost).Json(details).Json(step.Degradations);
        var isNew = await command.ExecuteScalarAsync(ct) as bool?;
        if (isNew == true)
        {
            signals.Changed(lease.JobId);
        }

        return isNew is not null;
    }

    /// <summary>Ends a job that waits although nobody who is there can take it. False when it has moved on since it was looked at.</summary>
    public async Task<bool> FailUnfitAsync(Guid jobId, int attempt, string code, string message, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.FailUnfit);
        command.Parameters.Uuid(jobId).Int(attempt).Text(code).Text(message);
        var failed = (int)(await command.ExecuteScalarAsync(ct))! > 0;
        if (failed)
        {
            signals.Changed(jobId);
        }

        return failed;
    }

    /// <summary>Moves a waiting job to the lane of those who can take it. False when it is there already or waits no longer.</summary>
    public async Task<bool> RebindAsync(Guid jobId, string lane, long? neededBytes, CancellationToken ct)
    {
        await using var command = database.CreateCommand(TransitionSql.Rebind);
        command.Parameters.Uuid(jobId).Text(lane).Long(neededBytes);
        var moved = (int)(await command.ExecuteScalarAsync(ct))! > 0;
        if (moved)
        {
            signals.TicketWaits();
        }

        return moved;
    }
}
