using I2V.Cli.Client;
using I2V.Cli.Jobs;

namespace I2V.Cli.Models;

/// <summary>Shows how far some work with bytes is; told at once and in order, unlike <see cref="Progress{T}"/>.</summary>
/// <param name="view">Where it is shown.</param>
/// <param name="line">Reads what is reported: title, bytes done, bytes in all.</param>
internal sealed class ByteProgress<T>(IProgressView view, Func<T, (string Title, long Bytes, long Total)> line) : IProgress<T>
{
    public void Report(T value)
    {
        var (title, bytes, total) = line(value);
        view.Show(new ProgressLine(title, total == 0 ? 100 : 100.0 * bytes / total, ByteText.Of(bytes, total)));
    }
}

internal static class ByteProgress
{
    public static IProgressView View(Terminal terminal, bool json) => json ? new NoProgress() : ProgressView.For(terminal);
}
