using System.Globalization;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>An estimate as a table for people.</summary>
internal static class EstimateText
{
    private const double Gb = 1L << 30;

    public static IEnumerable<string> Lines(JobEstimate estimate)
    {
        yield return $"{estimate.Model}, {Film(estimate.Applied)}";
        foreach (var warning in estimate.Warnings)
        {
            yield return "Note: " + warning.Message;
        }

        string[][] rows = [["DEVICE", "WORKERS", "FIT", "RUNG", "FILM", "PEAK", "TIME"], .. estimate.Workers.Select(Cells)];
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows.Length > 1 ? rows : [])
        {
            yield return string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd();
        }

        foreach (var degradation in estimate.Workers.SelectMany(alike => alike.Degradations).Select(step => step.Message).Distinct())
        {
            yield return "  " + degradation;
        }

        foreach (var why in estimate.WhyNot)
        {
            yield return $"Not {why.Worker} ({why.Device}): {why.Message}";
        }

        yield return Queue(estimate.Queue);
    }

    private static string[] Cells(EstimateClass alike) =>
    [
        alike.Device,
        alike.Count.ToString(CultureInfo.InvariantCulture),
        alike.Fit,
        alike.Rung ?? "-",
        alike.Applied is { } film ? Film(film) : "-",
        alike.PeakBytes is { } peak ? string.Create(CultureInfo.InvariantCulture, $"{peak / Gb:0.0} GB") : "-",
        alike.Seconds is { } seconds ? JobWords.Seconds(seconds) : "-",
    ];

    private static string Film(JobSettings film) =>
        string.Create(CultureInfo.InvariantCulture, $"{film.Width}x{film.Height}, {film.NumFrames} frames");

    private static string Queue(QueueInfo queue) => queue switch
    {
        { FeasibleWorkers: 0 } => "No worker that is there could take it.",
        { EtaSeconds: { } eta } => string.Create(
            CultureInfo.InvariantCulture, $"{queue.Ahead} jobs ahead; would start in about {JobWords.Seconds(eta.P50)}, nine times of ten within {JobWords.Seconds(eta.P90)}."),
        _ => string.Create(CultureInfo.InvariantCulture, $"{queue.Ahead} jobs ahead; when it would start is not known yet."),
    };
}
