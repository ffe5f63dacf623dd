using System.Globalization;

namespace I2V.Worker.Devices;

/// <summary>Peak memory of this process, as Linux counts it.</summary>
internal static class HostMemory
{
    private const string Status = "/proc/self/status";
    private const string HighWater = "VmHWM:";

    /// <summary>Highest resident size of this process since <see cref="ResetPeak"/>; null where Linux's counters are missing.</summary>
    public static long? PeakBytes()
    {
        var line = File.Exists(Status) ? File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(HighWater, StringComparison.Ordinal)) : null;
        var number = line?[HighWater.Length..].Trim().Split(' ')[0];
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
    }

    /// <summary>Starts a new peak, so that each job reports its own.</summary>
    public static void ResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Some containers forbid it; the peak then covers the process's whole life, which is still an upper bound.
        }
    }
}
