using System.Diagnostics;
using System.Globalization;
using I2V.Inference.Native;

namespace I2V.GpuProof;

/// <summary>
/// A neighbour on the card: a process of its own that holds the device's memory but for so many bytes. It says
/// <c>ready FREE</c> for each number of bytes that it is given on a line of its input, and lets go when that ends.
/// </summary>
internal sealed class Neighbour : IDisposable
{
    private readonly Process process;

    private Neighbour(Process process) => this.process = process;

    /// <summary>Starts one that leaves <paramref name="freeBytes"/>, and waits until it does.</summary>
    /// <returns>What is free then, by the driver's count.</returns>
    public static (Neighbour Neighbour, long FreeBytes) Start(long freeBytes)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["hold"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var neighbour = new Neighbour(Process.Start(start)!);
        return (neighbour, neighbour.Leave(freeBytes));
    }

    public long Leave(long freeBytes)
    {
        process.StandardInput.WriteLine(freeBytes.ToString(CultureInfo.InvariantCulture));
        process.StandardInput.Flush();
        for (var line = process.StandardOutput.ReadLine(); line is not null; line = process.StandardOutput.ReadLine())
        {
            if (line.StartsWith("ready ", StringComparison.Ordinal))
            {
                return long.Parse(line[6..], CultureInfo.InvariantCulture);
            }
        }

        throw new InvalidOperationException($"The neighbour ended with {process.ExitCode}.");
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}

/// <summary>What the neighbour does.</summary>
internal static class HoldMemory
{
    private const long Block = 1L << 30;
    private const long SmallestBlock = 8L << 20;

    public static int Run()
    {
        var memory = CudaBacking.OpenMemory(0);
        var nvml = Nvml.TryOpenIndex(0, out var reason) ?? throw new InvalidOperationException(reason);
        var held = new Stack<nint>();
        for (var line = Console.ReadLine(); line is not null; line = Console.ReadLine())
        {
            TakeUntil(long.Parse(line, CultureInfo.InvariantCulture));
            Console.WriteLine(FormattableString.Invariant($"ready {Free()}"));
        }

        return 0;

        long Free() => nvml.Read()!.FreeBytes;

        void TakeUntil(long free)
        {
            for (var block = Block; block >= SmallestBlock; block /= 2)
            {
                while (Free() - block >= free && memory.Allocate((nuint)block) is not 0 and var address)
                {
                    held.Push(address);
                }
            }
        }
    }
}
