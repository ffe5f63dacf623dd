using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace I2V.GpuProof;

/// <summary>A neighbour on the card: a process of its own that holds the device's memory (<see cref="HoldMemory"/>).</summary>
internal sealed class Neighbour : IDisposable
{
    private const int TakeSeconds = 30;

    /// <summary>A process on a card that is nearly full may wait for the driver; it has no work besides.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(TakeSeconds + 15);

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(15);

    private readonly Process process;
    private readonly BlockingCollection<string> lines = [];

    private Neighbour(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, received) => Hear(received.Data);
        process.BeginOutputReadLine();
    }

    public static Neighbour Start() => new(Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["hold"])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!);

    /// <summary>Asks it to take all but so many bytes, and waits until it has or cannot.</summary>
    /// <returns>What is free then, by the driver's count, and what it holds.</returns>
    /// <exception cref="InvalidOperationException">It ended.</exception>
    /// <exception cref="TimeoutException">It does not answer.</exception>
    public (long FreeBytes, long HeldBytes) Leave(long freeBytes)
    {
        process.StandardInput.WriteLine(FormattableString.Invariant($"{freeBytes} {TakeSeconds}"));
        process.StandardInput.Flush();
        while (true)
        {
            if (!lines.TryTake(out var line, AnswerLimit))
            {
                throw lines.IsAddingCompleted
                    ? new InvalidOperationException("The neighbour ended.")
                    : new TimeoutException($"The neighbour did not answer within {AnswerLimit.TotalSeconds} s.");
            }

            if (line.Split(' ') is [HoldMemory.Ready, var free, var held])
            {
                return (long.Parse(free, CultureInfo.InvariantCulture), long.Parse(held, CultureInfo.InvariantCulture));
            }
        }
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(EndLimit))
        {
            process.Kill();
            process.WaitForExit();
        }

        process.Dispose();
        lines.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null)
        {
            lines.CompleteAdding();
        }
        else
        {
            lines.Add(line);
        }
    }
}
