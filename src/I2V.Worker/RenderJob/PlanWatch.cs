using System.Threading.Channels;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Fitting;
using I2V.Worker.Gateway;
using Microsoft.Extensions.Logging;

namespace I2V.Worker.RenderJob;

/// <summary>
/// Tells the gateway how an attempt is carried out: the plan with the next heartbeat, and each step down the ladder in a
/// call of its own, in order, while the model goes on.
/// </summary>
internal sealed partial class PlanWatch : IAsyncDisposable
{
    private readonly GatewayClient gateway;
    private readonly ClaimedJob job;
    private readonly LeaseKeeper lease;
    private readonly ILogger logger;
    private readonly Channel<JobDegraded> steps = Channel.CreateUnbounded<JobDegraded>();
    private readonly Task telling;
    private JobFitting? fitting;
    private JobSettings? settings;

    public PlanWatch(GatewayClient gateway, ClaimedJob job, LeaseKeeper lease, ILogger logger)
    {
        (this.gateway, this.job, this.lease, this.logger) = (gateway, job, lease, logger);
        telling = TellAsync();
    }

    /// <summary>The settings, the rung and the techniques as the attempt goes on now.</summary>
    public AppliedSettings Applied => fitting is { } current && settings is { } asked
        ? new AppliedSettings(current.Apply(asked)) { Rung = current.Plan.Rung.Name, Techniques = current.Plan.Rung.Techniques.Names }
        : throw new InvalidOperationException("There is no plan yet.");

    /// <param name="planned">The attempt's way through the ladder.</param>
    /// <param name="asked">The job's settings.</param>
    public void Follow(JobFitting planned, JobSettings asked)
    {
        (fitting, settings) = (planned, asked);
        lease.Planned(new AttemptPlan { Applied = Applied, Degradations = planned.Degradations });
        planned.Stepped = Note;
    }

    public async ValueTask DisposeAsync()
    {
        steps.Writer.TryComplete();
        await telling;
    }

    private void Note(StepTaken step) => steps.Writer.TryWrite(new JobDegraded
    {
        JobId = job.JobId,
        Attempt = job.Attempt,
        Phase = AttemptProgress.ToPhase(step.Phase),
        FromRung = step.From.Name,
        ToRung = step.To.Name,
        Applied = Applied,
        Degradation = step.Degradation,
        Degradations = step.Replanned ? fitting!.Degradations : null,
    });

    private async Task TellAsync()
    {
        await foreach (var step in steps.Reader.ReadAllAsync(CancellationToken.None))
        {
            try
            {
                await gateway.DegradedAsync(job.LeaseToken, step, lease.Stopped);
            }
            catch (Exception error) when (error is GatewayException or OperationCanceledException)
            {
                // The end of the attempt says all of it again.
                LogNotTold(step.ToRung, error.Message);
            }
        }
    }

    [LoggerMessage(3021, LogLevel.Warning, "The gateway did not hear of the step down to {Rung}: {Reason}")]
    private partial void LogNotTold(string rung, string reason);
}
