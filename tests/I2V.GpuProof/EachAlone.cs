using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using I2V.Inference.Models;

namespace I2V.GpuProof;

/// <summary>
/// Measurements one after the other, each in a process of this program that did nothing before. Results are added to those
/// that the output has already, and written after each measurement, with a table beside them.
/// </summary>
internal sealed class EachAlone(string output, Func<JsonObject, string> table)
{
    /// <summary>A process ends itself at its limit; one that does not is ended.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(40);

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private string TablePath => Path.ChangeExtension(output, ".md");

    /// <summary>Every rung at every size, each rung in a process of its own.</summary>
    /// <param name="folder">Of the package.</param>
    /// <param name="output">JSON; the table has the same name with <c>.md</c>.</param>
    /// <param name="arguments">As they were given.</param>
    public static int Rungs(string folder, string output, string[] arguments)
    {
        var options = Options.Parse(arguments);
        return new EachAlone(output, MeasuredTable.Rungs).Run(
            MeasureRungs.Chosen(ModelPackage.Describe(folder), options).Select(rung => new Measurement(
                [.. rung.Select(chosen => new Entry(
                    MeasureRungs.Key(chosen.Size, chosen.Rung),
                    new JsonObject { ["size"] = chosen.Size.ToString(), ["rung"] = chosen.Rung.Name }))],
                ["rung", folder, .. arguments, "--sizes", string.Join(',', rung.Select(chosen => chosen.Size)), "--rungs", rung.Key.Name])),
            options);
    }

    /// <summary>Every size on every card, each in a process of its own; parameters as for <see cref="Rungs"/>.</summary>
    public static int Cards(string folder, string output, string[] arguments)
    {
        var options = Options.Parse(arguments);
        return new EachAlone(output, MeasuredTable.Cards).Run(
            from card in options.CardsGb
            from size in options.Sizes
            select new Measurement(
                [new Entry(MeasureCard.Key(card, size), new JsonObject { ["card_gb"] = card, ["size"] = size.ToString() })],
                ["card", folder, .. arguments, "--sizes", size.ToString(), "--gb", card.ToString(CultureInfo.InvariantCulture)]),
            options);
    }

    private int Run(IEnumerable<Measurement> measurements, Options options)
    {
        var whole = Read(output) ?? [];
        var failed = false;
        foreach (var measurement in measurements)
        {
            var part = $"{output}.part";
            File.Delete(part);
            var code = Start(measurement, part, TimeSpan.FromSeconds(options.LimitSeconds) + Grace);
            var names = measurement.Entries.Select(entry => entry.Name).ToList();
            foreach (var entry in measurement.Entries)
            {
                var (own, ended) = MeasuredTable.Own(Read(part), entry.Name, names, code);
                MeasuredTable.Merge(whole, entry.Name, entry.Facts, own, ended);
            }

            File.Delete(part);
            File.WriteAllText(output, whole.ToJsonString(Indented));
            File.WriteAllText(TablePath, table(whole));
            failed |= code != 0;
        }

        Console.Write(table(whole));
        return failed ? 1 : 0;
    }

    /// <param name="measurement">Begins with what to do and the package.</param>
    /// <param name="part">Where it writes its report.</param>
    /// <param name="limit">Of its time.</param>
    private static int Start(Measurement measurement, string part, TimeSpan limit)
    {
        Console.WriteLine($"== {string.Join(", ", measurement.Entries.Select(entry => entry.Name))}");
        var arguments = measurement.Arguments;
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [arguments[0], arguments[1], part, .. arguments.Skip(2)]))!;
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        return process.ExitCode;
    }

    private static JsonObject? Read(string path) => File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : null;

    /// <param name="Entries">What it adds to the report.</param>
    /// <param name="Arguments">Of its process, but for the path of its report.</param>
    private sealed record Measurement(Entry[] Entries, string[] Arguments);

    /// <param name="Name">In the report.</param>
    /// <param name="Facts">What it is about.</param>
    private sealed record Entry(string Name, JsonObject Facts);
}
