using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class PictureLatentsTests
{
    [Fact]
    public void A_draw_is_mean_and_deviation_scaled_and_the_variance_is_cut()
    {
        float[] moments = [1, 2, 3, 4, 0, 2 * MathF.Log(3), -100, 100];

        var drawn = PictureLatents.Draw(moments, [1, -1, 5, 1], 0.5);

        Assert.Equal([(1 + 1) * 0.5f, (2 - 3) * 0.5f, 1.5f, (4 + MathF.Exp(10)) * 0.5f], drawn, (a, b) => Math.Abs(a - b) <= 1e-5f * Math.Abs(a));
    }

    [Fact]
    public void The_first_frame_is_the_picture_and_the_others_say_where_they_are()
    {
        var shape = new FilmShape(Halves: 2, Channels: 2, Frames: 5, Height: 1, Width: 2);

        var latents = PictureLatents.WithPositions([7, 8, 9, 10], shape);

        float[] half = [7, 8, .25f, .25f, .5f, .5f, .75f, .75f, 1, 1, 9, 10, .25f, .25f, .5f, .5f, .75f, .75f, 1, 1];
        Assert.Equal([.. half, .. half], latents);
    }

    [Fact]
    public void A_single_frame_is_the_picture_alone() =>
        Assert.Equal([7, 8], PictureLatents.WithPositions([7, 8], new FilmShape(Halves: 1, Channels: 2, Frames: 1, Height: 1, Width: 1)));
}
