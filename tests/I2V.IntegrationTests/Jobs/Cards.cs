using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.IntegrationTests.Jobs;

/// <summary>Two cards and what each does with the sizes of its table.</summary>
internal static class Cards
{
    public const long Gb = 1L << 30;

    private static readonly ModelCapability Film = FakeWorker.Lab with
    {
        Name = "film",
        Limits = FakeWorker.Lab.Limits with { FrameRule = "any" },
        Defaults = FakeWorker.Lab.Defaults with { NumFrames = 16 },
    };

    public static WorkerDevice Small { get; } = Card("small/gpu-0", "Small card", 8);

    public static WorkerDevice Large { get; } = Card("large/gpu-0", "Large card", 24);

    /// <summary>512p as asked, 768p cut to 512p.</summary>
    public static ModelCapability OnSmall { get; } = Film with
    {
        Fit =
        [
            Row(512, 512, 16, 6, "encoders_released") with { Techniques = ["encoders_released"], Seconds = 40, SecondsPerStep = 1.5, Steps = 20 },
            Row(768, 768, 24, 6, "encoders_released") with
            {
                Exact = false,
                AppliedWidth = 512,
                AppliedHeight = 512,
                AppliedNumFrames = 16,
                Seconds = 40,
                Degradations =
                [
                    new Degradation("resolution_reduced", "width", "768", "512", 9 * Gb, 7 * Gb, "The film is smaller because the card has 7.0 GB free."),
                    new Degradation("frames_reduced", "num_frames", "24", "16", 9 * Gb, 7 * Gb, "The film is shorter because the card has 7.0 GB free."),
                ],
            },
        ],
    };

    /// <summary>Both as asked.</summary>
    public static ModelCapability OnLarge { get; } = Film with
    {
        Fit =
        [
            Row(512, 512, 16, 7, "resident") with { Seconds = 10, SecondsPerStep = 0.4, Steps = 20, Measured = true },
            Row(768, 768, 24, 13, "resident") with { Seconds = 30, SecondsPerStep = 1.25, Steps = 20, Measured = true },
        ],
    };

    public static WorkerDevice Card(string id, string name, long totalGb) =>
        new() { Kind = DeviceKind.Cuda, Id = id, Name = name, MemoryTotalBytes = totalGb * Gb, MemoryFreeBytes = (totalGb - 1) * Gb };

    private static FitRow Row(int width, int height, int frames, long peakGb, string rung) =>
        new() { Width = width, Height = height, NumFrames = frames, Guided = true, Rung = rung, PeakBytes = peakGb * Gb, Exact = true };
}
