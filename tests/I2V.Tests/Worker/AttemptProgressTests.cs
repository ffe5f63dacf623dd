using I2V.Inference.Pipelines;
using I2V.Protocol.Jobs;
using I2V.Worker.RenderJob;

namespace I2V.Tests.Worker;

public sealed class AttemptProgressTests
{
    private readonly ManualTimeProvider time = new();
    private readonly List<JobProgress> told = [];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_percentage_never_goes_back_and_ends_below_a_hundred(bool denoises)
    {
        var progress = New(denoises);
        progress.Enter(JobPhase.Loading);
        progress.Enter(JobPhase.Encoding);
        if (denoises)
        {
            Steps(progress, GenerationPhase.Denoising, 10);
        }

        Steps(progress, GenerationPhase.Decoding, 16);
        progress.Enter(JobPhase.Muxing);
        progress.Enter(JobPhase.Uploading);

        Assert.Equal(told.Select(p => p.Percent).Order(), told.Select(p => p.Percent));
        Assert.InRange(told[^1].Percent, 97, 99.9);
        Assert.Equal(JobPhase.Uploading, told[^1].Phase);
    }

    [Fact]
    public void Time_left_follows_from_the_pace_of_the_steps()
    {
        var progress = New(denoises: false);
        progress.Enter(JobPhase.Encoding);
        Steps(progress, GenerationPhase.Decoding, 8, of: 16);

        var now = told[^1];
        Assert.Equal(1, now.SecondsPerStep);
        Assert.Equal(50, now.Percent);
        // 16 steps of a second are 90 % of the bar, so half of the bar is 8.9 s.
        Assert.Equal(8.9, now.EtaSeconds);
    }

    [Fact]
    public void Before_the_second_step_nothing_is_promised()
    {
        var progress = New(denoises: true);
        progress.Report(new GenerationProgress(GenerationPhase.Denoising, 1, 50));
        Assert.Null(told[^1].EtaSeconds);
        Assert.Null(told[^1].SecondsPerStep);
    }

    [Fact]
    public void Seconds_are_kept_per_phase()
    {
        var progress = New(denoises: false);
        progress.Enter(JobPhase.Encoding);
        time.Advance(TimeSpan.FromSeconds(2));
        progress.Enter(JobPhase.Decoding);
        time.Advance(TimeSpan.FromSeconds(3));
        progress.Enter(JobPhase.Muxing);
        time.Advance(TimeSpan.FromSeconds(4));

        Assert.Equal(2, progress.Seconds(JobPhase.Encoding));
        Assert.Equal(3, progress.Seconds(JobPhase.Decoding));
        Assert.Equal(4, progress.Seconds(JobPhase.Muxing));
        Assert.Equal(0, progress.Seconds(JobPhase.Denoising));
    }

    private AttemptProgress New(bool denoises) => new(time, denoises, told.Add);

    private void Steps(AttemptProgress progress, GenerationPhase phase, int count, int? of = null)
    {
        progress.Enter(phase == GenerationPhase.Denoising ? JobPhase.Denoising : JobPhase.Decoding);
        for (var step = 1; step <= count; step++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            progress.Report(new GenerationProgress(phase, step, of ?? count));
        }
    }
}
