namespace I2V.Inference.Pipelines;

/// <summary>
/// A film's frames in overlapping windows that are denoised one after the other: the memory is that of a window, however
/// long the film. Each begins half a window after the one before, and the last one ends with the film. What windows say of
/// a frame is averaged, the middle of a window counting most (FreeNoise, arXiv:2310.15169, with pyramid weights).
/// </summary>
internal sealed class TemporalWindows
{
    private readonly int frames;
    private readonly float[][] shares;

    /// <param name="frames">Of the film.</param>
    /// <param name="window">Frames of a window; 0 for all.</param>
    public TemporalWindows(int frames, int window)
    {
        this.frames = frames;
        Length = window > 0 ? Math.Min(window, frames) : frames;
        var stride = Math.Max(1, Length / 2);
        var firsts = new List<int>();
        for (var first = 0; first + Length < frames; first += stride)
        {
            firsts.Add(first);
        }

        Firsts = [.. firsts, frames - Length];
        shares = Shares();
    }

    /// <summary>Frames of each window.</summary>
    public int Length { get; }

    /// <summary>The first frame of each.</summary>
    public IReadOnlyList<int> Firsts { get; }

    /// <summary>Whether one window has all frames.</summary>
    public bool IsWhole => Firsts.Count == 1;

    /// <summary>Takes a window's frames out of a film.</summary>
    /// <param name="film">[rows, frames, plane].</param>
    /// <param name="window">Its number, from 0.</param>
    /// <param name="plane">Numbers of a frame in each row.</param>
    /// <param name="into">[rows, length, plane].</param>
    public void Cut<T>(ReadOnlySpan<T> film, int window, int plane, Span<T> into)
    {
        for (var row = 0; row * frames * plane < film.Length; row++)
        {
            film.Slice(((row * frames) + Firsts[window]) * plane, Length * plane).CopyTo(into[(row * Length * plane)..]);
        }
    }

    /// <summary>Adds a window's part of the average to a film that began as zeros.</summary>
    /// <param name="part">[rows, length, plane].</param>
    /// <param name="window">Its number, from 0.</param>
    /// <param name="plane">Numbers of a frame in each row.</param>
    /// <param name="film">[rows, frames, plane].</param>
    public void Add(ReadOnlySpan<float> part, int window, int plane, Span<float> film)
    {
        for (var at = 0; at < part.Length; at++)
        {
            var (row, frame) = (at / (Length * plane), at / plane % Length);
            film[(((row * frames) + Firsts[window] + frame) * plane) + (at % plane)] += shares[window][frame] * part[at];
        }
    }

    /// <summary>Window, frame in it → its share of the average, w / Σw.</summary>
    private float[][] Shares()
    {
        var sums = new double[frames];
        foreach (var first in Firsts)
        {
            for (var i = 0; i < Length; i++)
            {
                sums[first + i] += Weight(i);
            }
        }

        return [.. Firsts.Select(first => Enumerable.Range(0, Length).Select(i => (float)(Weight(i) / sums[first + i])).ToArray())];
    }

    /// <summary>1, 2, … up to the middle and down again.</summary>
    private int Weight(int frame) => Math.Min(frame + 1, Length - frame);
}
