using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// Measurements of several processes in one JSON object: an entry for each under its name, with <c>failures</c> of its own
/// where a figure is outside its limit. Tables for documents are written from it.
/// </summary>
internal static class MeasuredTable
{
    private const string Failures = "failures";
    private const string None = "–";

    private static readonly (string Title, Func<JsonObject, string> Cell)[] RungColumns =
    [
        ("size", entry => Text(entry, "size")),
        ("rung", entry => $"`{Text(entry, "rung")}`"),
        ("predicted GB", entry => Number(entry, "predicted_bytes", 1e-9, "F2")),
        ("measured GB", entry => Number(entry, "process_bytes", 1e-9, "F2")),
        ("predicted / measured", entry => Number(entry, "predicted_over_measured", 1, "F3")),
        ("ms per step", entry => Number(entry, "ms_per_step", 1, "F1")),
        ("seconds of a 50-step clip", entry => Number(entry, "clip_seconds", 1, "F1")),
        ("", Verdict),
    ];

    private static readonly (string Title, Func<JsonObject, string> Cell)[] CardColumns =
    [
        ("card", entry => $"{Number(entry, "card_gb", 1, "0.##")} GB"),
        ("size", entry => Text(entry, "size")),
        ("rung", entry => $"`{Text(entry, "rung")}`"),
        ("made", entry => Text(entry, "applied")),
        ("predicted GB", entry => Number(entry, "predicted_bytes", 1e-9, "F2")),
        ("most GB of the process", entry => Number(entry, "process_bytes", 1e-9, "F2")),
        ("allowed GB", entry => Number(entry, "allowed_bytes", 1e-9, "F2")),
        ("degradations", entry => entry["degradations"] is JsonArray { Count: > 0 } told ? string.Join(' ', told.Select(one => one!.ToString())) : "none"),
        ("steps down", entry => entry["descent"] is JsonArray { Count: > 0 } steps ? string.Join(", ", steps.Select(one => one!.ToString())) : "none"),
        ("load, film seconds", entry => $"{Number(entry, "load_seconds", 1, "F1")}, {Number(entry, "film_seconds", 1, "F1")}"),
        ("", Verdict),
    ];

    /// <summary>Takes over what one process measured, in the place of what was known under that name.</summary>
    /// <param name="whole">Is changed.</param>
    /// <param name="name">Of the measurement.</param>
    /// <param name="facts">What it is about, for when it has measured nothing.</param>
    /// <param name="part">The process's report; null when it left none.</param>
    /// <param name="exitCode">Of the process.</param>
    public static void Merge(JsonObject whole, string name, JsonObject facts, JsonObject? part, int exitCode)
    {
        var entry = part?[name]?.DeepClone() as JsonObject ?? [];
        foreach (var (key, value) in facts.Where(fact => !entry.ContainsKey(fact.Key)))
        {
            entry[key] = value?.DeepClone();
        }

        List<string> failures = [.. (part?[Failures] as JsonArray ?? []).Select(failure => failure!.ToString())];
        if (failures.Count == 0 && exitCode != 0)
        {
            failures.Add(FormattableString.Invariant($"the process ended with {exitCode}"));
        }

        if (failures.Count > 0)
        {
            entry[Failures] = new JsonArray([.. failures.Select(failure => (JsonNode)failure)]);
        }

        whole[name] = entry;
    }

    /// <summary>A process's report without the failures of its other measurements, and how it ended without them.</summary>
    /// <param name="part">The report; null when it left none.</param>
    /// <param name="name">Of one measurement.</param>
    /// <param name="names">Of all that the process was to make.</param>
    /// <param name="exitCode">Of the process.</param>
    public static (JsonObject? Part, int ExitCode) Own(JsonObject? part, string name, IReadOnlyCollection<string> names, int exitCode)
    {
        if (part?.DeepClone() is not JsonObject own)
        {
            return (null, exitCode);
        }

        bool IsOf(string failure, string other) => failure.StartsWith($"{other}: ", StringComparison.Ordinal);
        List<string> all = [.. (own[Failures] as JsonArray ?? []).Select(failure => failure!.ToString())];
        var mine = all.FindAll(failure => IsOf(failure, name) || !names.Any(other => IsOf(failure, other)));
        own[Failures] = new JsonArray([.. mine.Select(failure => (JsonNode)failure)]);
        var others = own.ContainsKey(name) && mine.Count == 0 && all.Count > 0;
        return (own, others ? 0 : exitCode);
    }

    /// <summary>All failures, with the measurement's name.</summary>
    public static IReadOnlyList<string> FailuresOf(JsonObject whole) =>
    [
        .. Entries(whole).SelectMany(entry => (entry.Facts[Failures] as JsonArray ?? [])
            .Select(failure => failure!.ToString().StartsWith(entry.Name, StringComparison.Ordinal) ? failure.ToString() : $"{entry.Name}: {failure}")),
    ];

    /// <summary>Predicted and measured bytes and seconds: sizes as they were measured first, rungs as the ladder has them.</summary>
    public static string Rungs(JsonObject whole)
    {
        var sizes = Entries(whole).Select(entry => Text(entry.Facts, "size")).Distinct().ToList();
        var rows = Entries(whole).OrderBy(entry => sizes.IndexOf(Text(entry.Facts, "size"))).ThenBy(entry => Ladder.Position(Text(entry.Facts, "rung")));
        return Write(rows, RungColumns) + Failed(whole);
    }

    /// <summary>Whole jobs, a row for each card and size as they were measured.</summary>
    public static string Cards(JsonObject whole) => Write(Entries(whole), CardColumns) + Failed(whole);

    private static string Write(IEnumerable<(string Name, JsonObject Facts)> rows, (string Title, Func<JsonObject, string> Cell)[] columns)
    {
        var text = new StringBuilder();
        Row(text, columns.Select(column => column.Title));
        Row(text, columns.Select(_ => "---"));
        foreach (var (_, facts) in rows)
        {
            Row(text, columns.Select(column => column.Cell(facts)));
        }

        return text.ToString();
    }

    private static string Failed(JsonObject whole) =>
        FailuresOf(whole) is { Count: > 0 } failures ? $"\nFailed:\n{string.Concat(failures.Select(failure => $"- {failure}\n"))}" : "";

    private static IEnumerable<(string Name, JsonObject Facts)> Entries(JsonObject whole) =>
        whole.Where(entry => entry.Value is JsonObject).Select(entry => (entry.Key, (JsonObject)entry.Value!));

    private static void Row(StringBuilder text, IEnumerable<string> cells) =>
        text.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");

    private static string Verdict(JsonObject entry) => entry[Failures] is null ? "within its limits" : "**fails**";

    private static string Text(JsonObject entry, string key) => entry[key]?.ToString() ?? None;

    private static string Number(JsonObject entry, string key, double scale, string format) =>
        entry[key] is { } value ? (double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture) * scale).ToString(format, CultureInfo.InvariantCulture) : None;
}
