namespace I2V.Protocol.Jobs;

/// <summary>Where a job stands. The last four are terminal and never change.</summary>
public enum JobStatus
{
    Unknown = 0,
    Queued = 1,
    Running = 2,
    Held = 3,
    Succeeded = 4,
    Failed = 5,
    Canceled = 6,
    Expired = 7,
}

/// <summary>What a running job is doing.</summary>
public enum JobPhase
{
    Unknown = 0,
    Loading = 1,
    Encoding = 2,
    Denoising = 3,
    Decoding = 4,
    Muxing = 5,
    Uploading = 6,
}

public static class JobStatusExtensions
{
    public static bool IsTerminal(this JobStatus status) =>
        status is JobStatus.Succeeded or JobStatus.Failed or JobStatus.Canceled or JobStatus.Expired;
}
