using I2V.Gateway.Scheduling;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;

namespace I2V.Gateway.Fit;

/// <summary>
/// Keeps waiting jobs where they can be taken, as workers come, go and refuse: those that may not be degraded move to the lane of the
/// cards that are large enough; those that may not wait fail once nobody who is there can take them.
/// </summary>
internal sealed class RefitJobs(JobTransitions transitions, Fleet fleet, FitCases cases)
{
    private const int PageSize = 200;

    /// <summary>The lane and the least bytes of a job that is about to be written.</summary>
    public async Task<(string Lane, long? NeededBytes)> FindLaneAsync(string model, FitQuestion? question, CancellationToken ct)
    {
        var needed = FitJudge.LeastBytes(await fleet.ReadAsync(ct), model, question);
        return (Lane(model, needed), needed);
    }

    /// <summary>Looks at all jobs that may need it. Returns how many moved or failed.</summary>
    public async Task<int> SweepAsync(CancellationToken ct)
    {
        var changed = 0;
        var after = Guid.Empty;
        while (await cases.ReadUnsettledAsync(after, PageSize, ct) is { Count: > 0 } page)
        {
            var workers = await fleet.ReadAsync(ct);
            foreach (var job in page)
            {
                changed += await RefitAsync(workers, job, ct) ? 1 : 0;
            }

            after = page[^1].Id;
        }

        return changed;
    }

    /// <summary>Looks at one job, which has just been submitted or refused.</summary>
    public async Task CheckAsync(Guid jobId, CancellationToken ct)
    {
        var workers = await fleet.ReadAsync(ct);
        foreach (var job in await cases.ReadAsync([jobId], ct))
        {
            await FailIfHopelessAsync(workers, job, ct);
        }
    }

    private async Task<bool> RefitAsync(IReadOnlyList<FleetWorker> workers, WaitingJob job, CancellationToken ct)
    {
        // Without anybody who serves the model, what was known before is as good as anything.
        if (!workers.Any(worker => worker.Find(job.Spec.Model) is not null))
        {
            return false;
        }

        var needed = FitJudge.LeastBytes(workers, job.Spec.Model, job.Case.Question);
        var lane = Lane(job.Spec.Model, needed);
        var moved = (lane, needed) != (job.Case.Lane, job.Case.NeededBytes) && await transitions.RebindAsync(job.Id, lane, needed, ct);
        var refitted = job with { Case = job.Case with { Lane = lane, NeededBytes = needed } };
        return await FailIfHopelessAsync(workers, refitted, ct) || moved;
    }

    private async Task<bool> FailIfHopelessAsync(IReadOnlyList<FleetWorker> workers, WaitingJob job, CancellationToken ct)
    {
        if (job.Spec.Fit.Policy == FitPolicy.Wait)
        {
            return false;
        }

        var opinion = FitJudge.Judge(workers, job.Case);
        return opinion.IsHopeless
            && await transitions.FailUnfitAsync(
                job.Id, job.Attempt, opinion.Code, $"No worker can take the job. {string.Join("; ", FitJudge.Sentences(opinion.WhyNot))}.", ct);
    }

    private static string Lane(string model, long? needed) => needed is { } bytes ? Lanes.ForNeed(model, bytes) : Lanes.ForModel(model);
}
