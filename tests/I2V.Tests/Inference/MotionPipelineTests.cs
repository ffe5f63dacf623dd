using System.Diagnostics;
using I2V.Media;

namespace I2V.Tests.Inference;

public sealed class MotionPipelineTests(MotionFixture motion) : IClassFixture<MotionFixture>
{
    private static readonly RgbImage Ramp = PhotoSamples.Ramp(128, 96);

    [Fact]
    public void Amount_zero_is_the_picture_itself_in_every_frame()
    {
        var noise = PhotoSamples.Noise(128, 96);

        foreach (var prompt in (string[])["zoom in", "zoom out", "pan left", "pan down", "sway"])
        {
            Assert.All(motion.Film(noise, prompt, amount: 0), frame => Assert.Equal(noise.Pixels, frame.Pixels));
        }
    }

    [Fact]
    public void A_film_of_512p_and_16_frames_is_made_well_within_its_ten_seconds()
    {
        var clock = Stopwatch.StartNew();
        var film = motion.Film(PhotoSamples.Noise(1920, 1080), "zoom in", 512, 288, 16);
        TestContext.Current.SendDiagnosticMessage($"512x288x16: {clock.ElapsedMilliseconds} ms");
        clock.Restart();
        film = motion.Film(PhotoSamples.Noise(2000, 2000), "zoom in", 512, 512, 16);
        TestContext.Current.SendDiagnosticMessage($"512x512x16: {clock.ElapsedMilliseconds} ms");

        Assert.Equal(16, film.Count);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_ramp()
    {
        foreach (var f in motion.Film(Ramp, "zoom in")) Console.WriteLine($"{f.At(0,0,0)} {f.At(127,0,0)} {f.At(64,0,0)} {f.At(0,0,1)} {f.At(0,95,1)}");
    }
}
