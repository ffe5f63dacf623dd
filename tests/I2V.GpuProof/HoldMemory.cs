using System.Diagnostics;
using System.Globalization;
using I2V.Inference.Native;

namespace I2V.GpuProof;

/// <summary>
/// What a neighbour does: it holds the device's memory but for as many bytes as a line of its input says, taking for at most
/// as many seconds as the line says after that, and answers <c>ready FREE HELD</c>. It lets go when its input ends.
/// </summary>
internal static class HoldMemory
{
    public const string Ready = "ready";

    private const long Block = 1L << 30;
    private const long SmallestBlock = 8L << 20;

    public static int Run()
    {
        var memory = CudaBacking.OpenMemory(0);
        var nvml = Nvml.TryOpenIndex(0, out var reason) ?? throw new InvalidOperationException(reason);
        for (var line = Console.ReadLine(); line is not null; line = Console.ReadLine())
        {
            var (leave, seconds) = Order(line);
            TakeUntil(leave, TimeSpan.FromSeconds(seconds));
            Console.WriteLine(FormattableString.Invariant($"{Ready} {Free()} {memory.Use.CommittedBytes}"));
        }

        return 0;

        long Free() => nvml.Read()?.FreeBytes ?? throw new InvalidOperationException("NVML does not answer.");

        void TakeUntil(long leave, TimeSpan most)
        {
            var start = Stopwatch.GetTimestamp();
            for (var block = Block; block >= SmallestBlock; block /= 2)
            {
                while (Stopwatch.GetElapsedTime(start) < most && Free() - block >= leave && memory.Allocate((nuint)block) != 0)
                {
                }
            }
        }
    }

    /// <summary>Bytes to leave, and seconds to take.</summary>
    public static (long LeaveBytes, int Seconds) Order(string line)
    {
        var words = line.Split(' ');
        return (long.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture));
    }
}
