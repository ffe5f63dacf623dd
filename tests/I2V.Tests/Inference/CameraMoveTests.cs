using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference;

public sealed class CameraMoveTests
{
    [Theory]
    [InlineData("", CameraMoveKind.ZoomIn)]
    [InlineData("a cat on a sofa", CameraMoveKind.ZoomIn)]
    [InlineData("slow zoom in", CameraMoveKind.ZoomIn)]
    [InlineData("Zooming in on the left window", CameraMoveKind.ZoomIn)]
    [InlineData("the camera slowly pushes in", CameraMoveKind.ZoomIn)]
    [InlineData("zoom", CameraMoveKind.ZoomIn)]
    [InlineData("slow zoom out", CameraMoveKind.ZoomOut)]
    [InlineData("ZOOM-OUT", CameraMoveKind.ZoomOut)]
    [InlineData("the camera pulls slowly back from the house", CameraMoveKind.ZoomOut)]
    [InlineData("dolly out", CameraMoveKind.ZoomOut)]
    [InlineData("pan left", CameraMoveKind.PanLeft)]
    [InlineData("panning slowly to the left", CameraMoveKind.PanLeft)]
    [InlineData("left pan over the sea", CameraMoveKind.PanLeft)]
    [InlineData("the camera moves to the right", CameraMoveKind.PanRight)]
    [InlineData("pans right, then zooms in", CameraMoveKind.PanRight)]
    [InlineData("tilt up to the sky", CameraMoveKind.PanUp)]
    [InlineData("camera tilts upwards", CameraMoveKind.PanUp)]
    [InlineData("pan down", CameraMoveKind.PanDown)]
    [InlineData("tilting\ndown", CameraMoveKind.PanDown)]
    [InlineData("gentle sway", CameraMoveKind.Sway)]
    [InlineData("handheld, swaying softly", CameraMoveKind.Sway)]
    public void The_first_move_that_the_prompt_names_is_taken(string prompt, CameraMoveKind expected) =>
        Assert.Equal(expected, CameraMove.Parse(prompt));

    [Theory]
    [InlineData("a man looks left")]
    [InlineData("a panda to the right of a tree")]
    [InlineData("downtown at night, lights go out")]
    [InlineData("a rocky coast")]
    public void Words_that_only_look_like_a_move_are_none(string prompt) => Assert.Equal(CameraMoveKind.ZoomIn, CameraMove.Parse(prompt));

    [Fact]
    public void The_longest_prompt_is_read_in_no_time()
    {
        Assert.Equal(CameraMoveKind.PanDown, CameraMove.Parse(string.Concat(Enumerable.Repeat("the camera pan ", 250)) + " down"));
        Assert.Equal(CameraMoveKind.ZoomIn, CameraMove.Parse(new string(' ', 4000)));
        Assert.Equal(CameraMoveKind.ZoomIn, CameraMove.Parse(string.Concat(Enumerable.Repeat("pan, - ,", 500))));
    }
}
