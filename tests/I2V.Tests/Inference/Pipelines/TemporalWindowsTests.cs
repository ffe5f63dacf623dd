using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class TemporalWindowsTests
{
    [Theory]
    [InlineData(16, 0, "0", 16)]
    [InlineData(16, 16, "0", 16)]
    [InlineData(16, 99, "0", 16)]
    [InlineData(16, 8, "0 4 8", 8)]
    [InlineData(15, 8, "0 4 7", 8)]
    [InlineData(24, 16, "0 8", 16)]
    [InlineData(5, 3, "0 1 2", 3)]
    [InlineData(3, 1, "0 1 2", 1)]
    public void Windows_begin_by_halves_and_the_last_one_ends_with_the_film(int frames, int window, string firsts, int length)
    {
        var windows = new TemporalWindows(frames, window);

        Assert.Equal(firsts, string.Join(' ', windows.Firsts));
        Assert.Equal(length, windows.Length);
        Assert.Equal(windows.Firsts.Count == 1, windows.IsWhole);
    }

    [Theory]
    [InlineData(16, 8)]
    [InlineData(15, 8)]
    [InlineData(7, 5)]
    [InlineData(3, 1)]
    public void What_windows_agree_on_comes_out_as_it_is(int frames, int window)
    {
        const int Rows = 3;
        const int Plane = 4;
        var film = Enumerable.Range(0, Rows * frames * Plane).Select(i => (float)i).ToArray();

        Assert.Equal(film, Average(new TemporalWindows(frames, window), film, Plane, (_, _) => 0), (a, b) => Math.Abs(a - b) <= 1e-6f * Math.Max(1, a));
    }

    [Fact]
    public void The_middle_of_a_window_counts_most()
    {
        // Windows 0…3, 2…5: weights 1 2 2 1 each, so frames 2 and 3 are shared as 2 : 1 and 1 : 2.
        var windows = new TemporalWindows(6, 4);

        var made = Average(windows, new float[6], plane: 1, (window, _) => window == 0 ? 3 : 6);

        Assert.Equal([3, 3, 4, 5, 6, 6], made, (a, b) => Math.Abs(a - b) <= 1e-6);
    }

    private static float[] Average(TemporalWindows windows, float[] film, int plane, Func<int, int, float> change)
    {
        var made = new float[film.Length];
        for (var window = 0; window < windows.Firsts.Count; window++)
        {
            var frames = made.Length / (windows.Firsts[^1] + windows.Length);
            var part = new float[frames * windows.Length];
            windows.Cut<float>(film, window, plane, part);
            windows.Add([.. part.Select((value, at) => value + change(window, at))], window, plane, made);
        }

        return made;
    }
}
