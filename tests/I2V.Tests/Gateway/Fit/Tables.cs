using I2V.Gateway.Fit;
using I2V.Protocol.Bus;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Tests.Gateway.Fit;

/// <summary>Tables as workers with small and large cards bring them.</summary>
internal static class Tables
{
    public const long Gb = 1L << 30;

    /// <summary>An 8 GB card: 512p as asked on two rungs, 768p cut to 512p, nothing at all of 1024p.</summary>
    public static IReadOnlyList<FitRow> Small { get; } =
    [
        Row(512, 512, 16, 6, "encoders_released") with { Seconds = 60, SecondsPerStep = 1, Steps = 30 },
        Row(512, 512, 16, 3, "streamed"),
        Row(768, 768, 24, 6, "encoders_released") with
        {
            Exact = false,
            AppliedWidth = 512,
            AppliedHeight = 512,
            AppliedNumFrames = 16,
            Degradations = [Cut("resolution_reduced", "width", "768", "512"), Cut("frames_reduced", "num_frames", "24", "16")],
        },
        Row(1024, 1024, 32, 14, null) with { Exact = false, Code = "vram_insufficient" },
    ];

    /// <summary>A 24 GB card: everything in the table as asked.</summary>
    public static IReadOnlyList<FitRow> Large { get; } =
    [
        Row(512, 512, 16, 7, "resident") with { Seconds = 12, SecondsPerStep = 0.3, Steps = 30, Measured = true },
        Row(768, 768, 24, 13, "resident"),
        Row(1024, 1024, 32, 20, "sliced"),
    ];

    public static ModelCapability Model(IReadOnlyList<FitRow> table) => Submits.Model with { Fit = table };

    public static FleetWorker Worker(string name, long totalGb, IReadOnlyList<FitRow> table, bool isDraining = false) => new()
    {
        Id = Guid.NewGuid(),
        Name = name,
        Device = new WorkerDevice { Kind = DeviceKind.Cuda, Id = name, Name = $"Card of {totalGb} GB", MemoryTotalBytes = totalGb * Gb, MemoryFreeBytes = totalGb * Gb },
        IsDraining = isDraining,
        Lanes = Lanes.Served([Submits.Model.Name], totalGb * Gb),
        Models = [Model(table)],
    };

    public static FitQuestion Ask(int width, int height, int frames, FitPolicy policy = FitPolicy.Degrade, JobFit? floors = null) =>
        new(width, height, frames, Guided: true, Steps: 30, (floors ?? new JobFit()) with { Policy = policy });

    public static FitRow Row(int width, int height, int frames, long peakGb, string? rung) => new()
    {
        Width = width,
        Height = height,
        NumFrames = frames,
        Guided = true,
        Rung = rung,
        PeakBytes = peakGb * Gb,
        Exact = rung is not null,
    };

    private static Degradation Cut(string code, string field, string from, string to) =>
        new(code, field, from, to, 9 * Gb, 7 * Gb, $"{field} goes from {from} to {to} because the card has 7 GB free.");
}
