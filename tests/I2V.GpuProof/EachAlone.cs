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

    /// <summary>Every rung at every size.</summary>
    /// <param name="folder">Of the package.</param>
    /// <param name="output">JSON; the table has the same name with <c>.md</c>.</param>
    /// <param name="arguments">As they were given.</param>
    public static int Rungs(string folder, string output, string[] arguments)
    {
        var options = Options.Parse(arguments);
        return new EachAlone(output, MeasuredTable.Rungs).Run(
            MeasureRungs.Chosen(ModelPackage.Describe(folder), options).Select(chosen => new Measurement(
                MeasureRungs.Key(chosen.Size, chosen.Rung),
                new JsonObject { ["size"] = chosen.Size.ToString(), ["rung"] = chosen.Rung.Name },
                ["rung", folder, .. arguments, "--sizes", chosen.Size.ToString(), "--rungs", chosen.Rung.Name])),
            options);
    }

    /// <summary>Every size on every card; parameters as for <see cref="Rungs"/>.</summary>
    public static int Cards(string folder, string output, string[] arguments)
    {
        var options = Options.Parse(arguments);
        return new EachAlone(output, MeasuredTable.Cards).Run(
            from card in options.CardsGb
            from size in options.Sizes
            select new Measurement(
                MeasureCard.Key(card, size),
                new JsonObject { ["card_gb"] = card, ["size"] = size.ToString() },
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
            MeasuredTable.Merge(whole, measurement.Name, measurement.Facts, Read(part), code);
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
        Console.WriteLine($"== {measurement.Name}");
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

    /// <param name="Name">Of its entry in the report.</param>
    /// <param name="Facts">What it is about.</param>
    /// <param name="Arguments">Of its process, but for the path of its report.</param>
    private sealed record Measurement(string Name, JsonObject Facts, string[] Arguments);
}
