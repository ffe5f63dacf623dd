using I2V.Gateway.Database;
using I2V.Gateway.Scheduling;
using I2V.IntegrationTests.Jobs;
using I2V.Protocol.Bus;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using RefuseJob = I2V.Protocol.Workers.RefuseJob;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Reports and registrations as a worker would make them.</summary>
internal static class Samples
{
    public static readonly string Sha256 = new('a', 64);

    public static RegisterWorker Registration(string name, string device, params string[] models) => new()
    {
        Name = name,
        Host = "lab",
        Device = new WorkerDevice { Kind = DeviceKind.Cpu, Id = device, Name = "Some processor", MemoryTotalBytes = 1 << 30, MemoryFreeBytes = 1 << 29 },
        Models = [.. models.Select(Capability)],
        Lanes = [.. models.Select(Lanes.ForModel)],
        Version = "0.1.0",
    };

    public static AttemptResult Result(string? sha256 = null) => new()
    {
        Outputs = [new StoredArtifact("t/x/video.mp4", Video(sha256 ?? Sha256, 1000))],
        Sha256 = sha256 ?? Sha256,
        Applied = new AppliedSettings(new JobSettings { Width = 64, Height = 64 }) { Rung = "full" },
        Metrics = new JobMetrics { DenoiseSeconds = 1.5, Warm = true },
    };

    public static Artifact Video(string sha256, long bytes) => new()
    {
        Name = "video",
        ContentType = "video/mp4",
        Bytes = bytes,
        Sha256 = sha256,
        Width = 64,
        Height = 64,
        NumFrames = 16,
        Fps = 8,
        DurationSeconds = 2,
    };

    public static RefuseJob Refusal(Lease lease, int neededGb, int freeGb, string code = ErrorCode.VramInsufficient) => new()
    {
        JobId = lease.JobId,
        Attempt = lease.Attempt,
        Code = code,
        NeededBytes = (long)neededGb << 30,
        FreeBytes = (long)freeGb << 30,
        Message = FormattableString.Invariant($"The smallest plan needs {neededGb} GB and {freeGb} GB are free."),
    };

    public static JobDegraded Step(Lease lease, string from, string to, Degradation? degradation = null) => new()
    {
        JobId = lease.JobId,
        Attempt = lease.Attempt,
        Phase = JobPhase.Denoising,
        FromRung = from,
        ToRung = to,
        Degradation = degradation,
    };

    private static ModelCapability Capability(string name) => FakeWorker.Motion with { Name = name };
}
