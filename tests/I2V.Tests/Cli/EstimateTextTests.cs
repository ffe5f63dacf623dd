using I2V.Cli.Jobs;
using I2V.Protocol.Jobs;

namespace I2V.Tests.Cli;

public sealed class EstimateTextTests
{
    private const long Gb = 1L << 30;

    private readonly JobEstimate estimate = new()
    {
        Model = "i2vgen-xl",
        Valid = true,
        Requested = new JobSettings(),
        Applied = new JobSettings { Width = 768, Height = 512, NumFrames = 24 },
        Workers =
        [
            new EstimateClass
            {
                Device = "Large card",
                Count = 2,
                Fit = "exact",
                Rung = "resident",
                Applied = new JobSettings { Width = 768, Height = 512, NumFrames = 24 },
                PeakBytes = 13 * Gb,
                Seconds = 12,
            },
            new EstimateClass { Device = "New", Count = 1, Fit = "unknown" },
        ],
        WhyNot = [new WhyNot("small/gpu-0", "Small card", "vram_insufficient", 9 * Gb, 7 * Gb, "needs 9.0 GB, has 7.0 GB free")],
        Queue = new QueueInfo { Position = 3, Ahead = 2, FeasibleWorkers = 3, EtaSeconds = new QueueEta(6, 100) },
    };

    [Fact]
    public void A_table_shows_every_kind_of_card_and_why_others_cannot()
    {
        Assert.Equal(
            [
                "i2vgen-xl, 768x512, 24 frames",
                "DEVICE      WORKERS  FIT      RUNG      FILM                PEAK     TIME",
                "Large card  2        exact    resident  768x512, 24 frames  13.0 GB  12 s",
                "New         1        unknown  -         -                   -        -",
                "Not small/gpu-0 (Small card): needs 9.0 GB, has 7.0 GB free",
                "2 jobs ahead; would start in about 6 s, nine times of ten within 1:40 min.",
            ],
            EstimateText.Lines(estimate));
    }

    [Fact]
    public void Without_anybody_who_could_there_is_no_table()
    {
        var nobody = estimate with { Workers = [], WhyNot = [], Queue = new QueueInfo() };

        Assert.Equal(["i2vgen-xl, 768x512, 24 frames", "No worker that is there could take it."], EstimateText.Lines(nobody));
    }
}
