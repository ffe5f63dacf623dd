using System.Globalization;

namespace I2V.Worker.Devices;

/// <summary>Memory of the host and of this process, as Linux counts it.</summary>
internal static class HostMemory
{
    public static long TotalBytes() => ReadKilobytes("/proc/meminfo", "MemTotal:") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    public static long AvailableBytes() => ReadKilobytes("/proc/meminfo", "MemAvailable:") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Highest resident size of this process since <see cref="ResetPeak"/>; null where Linux's counters are missing.</summary>
    public static long? PeakBytes() => ReadKilobytes("/proc/self/status", "VmHWM:");

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

    public static string ProcessorName()
    {
        const string field = "model name";
        var line = Lines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal));
        return line is null ? "CPU" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    internal static long? ReadKilobytes(string file, string field)
    {
        var line = Lines(file).FirstOrDefault(l => l.StartsWith(field, StringComparison.Ordinal));
        var number = line?[field.Length..].Trim().Split(' ')[0];
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
    }

    private static IEnumerable<string> Lines(string file) => File.Exists(file) ? File.ReadLines(file) : [];
}
