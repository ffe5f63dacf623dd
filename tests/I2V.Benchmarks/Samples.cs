using System.Diagnostics;
using System.Globalization;

namespace I2V.Benchmarks;

/// <summary>Latencies of one operation done many times, and how long all of it took.</summary>
internal sealed class Samples(IReadOnlyList<double> milliseconds, TimeSpan wall)
{
    public int Count => milliseconds.Count;

    public double PerSecond => Count / wall.TotalSeconds;

    public double P50 => Percentile(0.50);

    public double P99 => Percentile(0.99);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{PerSecond:F0} per s, p50 {P50:F2} ms, p99 {P99:F2} ms, n {Count}");

    /// <summary>Runs <paramref name="operation"/> in <paramref name="clients"/> loops until <paramref name="count"/> are done.</summary>
    public static async Task<Samples> MeasureAsync(int clients, int count, Func<int, Task> operation)
    {
        var latencies = new double[count];
        var next = -1;
        var wall = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
            {
                var start = Stopwatch.GetTimestamp();
                await operation(i);
                latencies[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }
        })));

        return new Samples(latencies, wall.Elapsed);
    }

    private double Percentile(double share)
    {
        var sorted = milliseconds.Order().ToArray();
        return sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
