using System.Globalization;
using I2V.Cli.Configuration;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>How a job is told to people.</summary>
internal static class JobWords
{
    public static ProgressLine Line(JobStatus status, string? reason, JobProgress? progress, QueueInfo? queue) => status switch
    {
        JobStatus.Running when reason == "canceling" => new ProgressLine("canceling", progress?.Percent ?? 0, ""),
        JobStatus.Running when progress is { Phase: not JobPhase.Unknown } => new ProgressLine(
            Word(progress.Phase), progress.Percent, Detail(progress)),
        JobStatus.Queued when reason is { Length: > 0 } => new ProgressLine($"queued ({reason.Replace('_', ' ')})", 0, Place(queue)),
        JobStatus.Queued => new ProgressLine("queued", 0, Place(queue)),
        JobStatus.Succeeded => new ProgressLine("done", 100, ""),
        _ => new ProgressLine(Word(status), progress?.Percent ?? 0, ""),
    };

    public static string Word<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    public static int ExitCodeOf(JobStatus status) => status switch
    {
        JobStatus.Succeeded => ExitCode.Ok,
        JobStatus.Canceled => ExitCode.JobCanceled,
        JobStatus.Expired => ExitCode.TimedOut,
        _ => ExitCode.JobFailed,
    };

    /// <summary>One sentence about a job that ended without a film.</summary>
    public static string End(JobObject job) => job.Error is { } error
        ? $"The job {Word(job.Status)} ({error.Code}): {error.Message}"
        : $"The job is {Word(job.Status)}.";

    /// <summary>What memory running out in the middle of a job changed, in one sentence.</summary>
    public static string Step(DegradedStep step)
    {
        if (step.Degradation is { } degradation)
        {
            return degradation.Message;
        }

        var (from, to) = (new Rung(step.FromRung, Techniques.None, Exact: true), new Rung(step.ToRung, Techniques.None, Exact: true));
        return Degradations.SteppedDown(from, to, step.Phase switch
        {
            JobPhase.Loading => GenerationPhase.Loading,
            JobPhase.Encoding => GenerationPhase.Encoding,
            JobPhase.Denoising => GenerationPhase.Denoising,
            JobPhase.Decoding => GenerationPhase.Decoding,
            _ => GenerationPhase.Unknown,
        }).Message;
    }

    /// <summary>All that is not as asked, and what else there is to know.</summary>
    public static IEnumerable<string> Notes(JobObject job) =>
        job.Degradations.Select(change => change.Message).Concat(job.Warnings.Select(warning => warning.Message)).Select(message => "Note: " + message);

    private static string Place(QueueInfo? queue) => queue switch
    {
        null or { Position: 0 } => "",
        { FeasibleWorkers: 0 } => queue.BlockedBy.FirstOrDefault(reason => reason.Contains(": ", StringComparison.Ordinal)) ?? "no worker is there yet",
        { EtaSeconds.P50: var eta } => $"position {queue.Position}, starts in about {Seconds(eta)}",
        _ => $"position {queue.Position}",
    };

    private static string Detail(JobProgress progress)
    {
        var parts = new List<string>();
        if (progress is { Step: { } step, TotalSteps: { } total })
        {
            parts.Add($"step {step}/{total}");
        }

        if (progress.EtaSeconds is { } eta)
        {
            parts.Add($"ETA {Seconds(eta)}");
        }

        return string.Join(", ", parts);
    }

    public static string Seconds(double seconds) => seconds < 90
        ? string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(seconds):0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(seconds / 60):0}:{seconds % 60:00} min");
}
