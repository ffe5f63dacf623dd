using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Gateway;
using I2V.Worker.Registration;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.RenderJob;

/// <summary>
/// The one gate that both a ticket and the idle poll go through: ask for a job, run it, let the next one ask.
/// One process, one job at a time.
/// </summary>
internal sealed partial class WorkLoop(
    GatewayClient gateway, WorkerIdentity identity, WorkerState state, AttemptRunner attempts, ILogger<WorkLoop> logger) : IDisposable
{
    private readonly SemaphoreSlim gate = new(1);
    private readonly SemaphoreSlim jobEnded = new(0);
    private int heldTickets;

    /// <summary>
    /// False when the process already holds a ticket. Each lane's consumer may be handed one, but a ticket that waits
    /// behind a running job would wake nobody else and would make the broker's figures say that more runs than does.
    /// So a second one is dropped: its job is found by the claim that follows each job, or by an idle worker's poll.
    /// </summary>
    public bool TryHoldTicket() => Interlocked.CompareExchange(ref heldTickets, 1, 0) == 0;

    public void DropTicket() => Interlocked.Exchange(ref heldTickets, 0);

    /// <summary>Asks for a job and runs it. False when nothing waits.</summary>
    /// <param name="stopping">Ends the waiting; once a job is claimed only its lease decides.</param>
    /// <exception cref="GatewayException">The gateway cannot be asked.</exception>
    public async Task<bool> TryRunOneAsync(CancellationToken stopping)
    {
        var me = await identity.WaitAsync(stopping);
        await gate.WaitAsync(stopping);
        try
        {
            stopping.ThrowIfCancellationRequested();
            state.SetBusy(true);
            if (await ClaimAsync(me.WorkerId) is not { } job)
            {
                return false;
            }

            await (stopping.IsCancellationRequested ? GiveBackAsync(job) : attempts.RunAsync(job, TimeSpan.FromSeconds(me.HeartbeatSeconds)));
            SignalJobEnd();
            return true;
        }
        finally
        {
            state.SetBusy(false);
            gate.Release();
        }
    }

    /// <summary>Completes after each job, since more may wait.</summary>
    public Task WaitForJobEndAsync(CancellationToken ct) => jobEnded.WaitAsync(ct);

    public void Dispose()
    {
        gate.Dispose();
        jobEnded.Dispose();
    }

    /// <summary>Called inside the gate, so one signal at most waits for the poll.</summary>
    private void SignalJobEnd()
    {
        if (jobEnded.CurrentCount == 0)
        {
            jobEnded.Release();
        }
    }

    /// <summary>Not stopped by the process's stop: an answer that nobody waits for would be a leased job that nobody runs.</summary>
    private async Task<ClaimedJob?> ClaimAsync(Guid workerId)
    {
        try
        {
            return await gateway.ClaimAsync(state.Ask(workerId), CancellationToken.None);
        }
        catch (GatewayException error) when (error.Error is GatewayError.NotFound or GatewayError.Lost)
        {
            identity.Forget(workerId);
            throw;
        }
    }

    private async Task GiveBackAsync(ClaimedJob job)
    {
        try
        {
            var release = new ReleaseJob { JobId = job.JobId, Attempt = job.Attempt, Reason = "The worker stops." };
            await gateway.ReleaseAsync(job.LeaseToken, release, CancellationToken.None);
        }
        catch (GatewayException error)
        {
            LogNotGivenBack(JobId.Format(job.JobId), error.Message);
        }
    }

    [LoggerMessage(3201, LogLevel.Warning, "Job {JobId} could not be given back ({Reason}); its lease will lapse")]
    private partial void LogNotGivenBack(string jobId, string reason);
}
