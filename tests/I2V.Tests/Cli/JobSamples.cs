using I2V.Protocol.Jobs;

namespace I2V.Tests.Cli;

internal static class JobSamples
{
    public const string Id = "job_0199f3c2b7e87d3f9a4e5c6d7e8f9a0b";

    public static JobObject Job(JobStatus status = JobStatus.Queued) => new()
    {
        Id = Id,
        Status = status,
        Model = "motion",
        CreatedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Requested = new JobSettings { Prompt = "slow zoom in" },
        Applied = new AppliedSettings(),
        Urls = new JobUrls("s", "e", "c", "o"),
    };

    public static Degradation Fewer { get; } = new(
        "frames_reduced", "num_frames", "24", "16", 9_000_000_000, 7_000_000_000, "The film has 16 frames instead of 24: there is no room for more.");

    public static JobEventData Event(JobStatus status, JobProgress? progress = null) => new()
    {
        JobId = Id,
        Status = status,
        At = new DateTimeOffset(2026, 1, 2, 3, 4, 6, TimeSpan.Zero),
        Progress = progress,
    };
}
