using I2V.Inference.Sampling;

namespace I2V.Tests.Inference.Sampling;

public sealed class LatentPreviewTests
{
    [Fact]
    public void Nothing_is_grey_and_strong_latents_are_cut()
    {
        Assert.All(LatentPreview.Make(new float[4 * 2 * 3 * 5], 2, 3, 5, 1).Pixels, level => Assert.Equal(128, level));
        Assert.Equal([255, 255, 255], LatentPreview.Make([90f, 0, 0, 0], 1, 1, 1, 0).Pixels);
        Assert.Equal([0, 0, 0], LatentPreview.Make([-90f, 0, 0, 0], 1, 1, 1, 0).Pixels);
    }

    [Fact]
    public void Each_pixel_shows_its_own_place_in_the_frame_asked_for()
    {
        const int Frames = 2, Height = 2, Width = 3;
        var latents = new float[LatentPreview.Channels * Frames * Height * Width];
        latents[(Height * Width) + (1 * Width) + 2] = 2; // channel 0, frame 1, row 1, column 2

        var first = LatentPreview.Make(latents, Frames, Height, Width, 0);
        var second = LatentPreview.Make(latents, Frames, Height, Width, 1);

        Assert.Equal((3, 2), (second.Width, second.Height));
        Assert.All(first.Pixels, level => Assert.Equal(128, level));
        Assert.Equal([203, 180, 181], second.Pixels[^3..]);
        Assert.All(second.Pixels[..^3], level => Assert.Equal(128, level));
    }
}
