using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Inference.Models;
using I2V.Protocol;

namespace I2V.Cli.Models;

/// <summary><c>i2v models show PACKAGE</c>: what it says about itself, and how large its files are.</summary>
internal static class ShowCommand
{
    private static readonly Argument<DirectoryInfo> Package = new("PACKAGE") { Description = "Folder of a package." };
    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON on stdout." };

    public static Command Create()
    {
        var command = new Command("show", "Print a package's sizes, precision, limits, defaults, licence, and what films need of the device's memory on each rung (without the driver's context); checks nothing. " + ModelErrors.ExitCodes) { Package, Json };
        command.SetAction((parsed, _) => ModelErrors.ToldAsync(async () =>
        {
            var folder = parsed.GetRequiredValue(Package).FullName;
            var manifest = ModelPackage.Describe(folder);
            await Terminal.ForProcess().Out.WriteAsync(parsed.GetValue(Json) ? ToJson(folder, manifest) + "\n" : Text(folder, manifest));
            return ExitCode.Ok;
        }));
        return command;
    }

    public static string Text(string folder, ModelManifest manifest)
    {
        var text = new StringBuilder();
        Line(text, "name", $"{manifest.Name} {manifest.Version}, family {manifest.Family}");
        Line(text, "about", manifest.Description ?? "");
        Line(text, "licence", manifest.License ?? "the checkpoint does not say");
        Line(text, "precision", manifest.Precision);
        Line(text, "files", $"{manifest.Files.Count.ToString(CultureInfo.InvariantCulture)} with {ByteText.Of(Bytes(folder, manifest))} in {folder}");
        foreach (var (name, component) in manifest.Components)
        {
            Line(text, "component", $"{name}: {component.Target}, {ByteText.Of(component.WeightBytes)} of weights{Units(component.Units)}");
            foreach (var (variant, written) in component.Variants ?? new Dictionary<string, ComponentVariant>())
            {
                Line(text, "variant", $"{name}.{variant}: {ByteText.Of(written.WeightBytes)} of weights{Units(written.Units)}");
            }
        }

        var (sizes, frames, defaults) = (manifest.Sizes, manifest.Frames, manifest.Defaults);
        Line(text, "sizes", $"multiples of {sizes.MultipleOf}, {sizes.Min} … {sizes.Max} pixels; longest side {sizes.DefaultLongestSide} when left open");
        Line(text, "frames", $"{frames.Min} … {frames.Max}{(frames.Rule == "any" ? "" : $" ({frames.Rule})")}; {defaults.NumFrames} when left open");
        Line(text, "fps", $"{manifest.Fps.Min} … {manifest.Fps.Max}; {defaults.Fps} when left open");
        if (manifest.Steps is { } steps)
        {
            var presets = string.Join(", ", (manifest.Presets ?? new Dictionary<string, ModelPreset>()).Select(preset => FormattableString.Invariant($"{preset.Key} {preset.Value.Steps}")));
            Line(text, "steps", $"{steps.Min} … {steps.Max}; presets {presets}; {defaults.Preset ?? FormattableString.Invariant($"{defaults.Steps}")} when left open");
        }

        if (manifest.GuidanceScale is { } guidance)
        {
            Line(text, "guidance", $"{guidance.Min} … {guidance.Max}; {defaults.GuidanceScale} when left open");
        }

        foreach (var row in MemoryTable.Of(manifest))
        {
            Line(text, "memory", row.Text);
        }

        return text.ToString();
    }

    private static void Line(StringBuilder text, string name, FormattableString value) => Line(text, name, FormattableString.Invariant(value));

    private static void Line(StringBuilder text, string name, string value) => text.Append(name.PadRight(11)).Append(value).Append('\n');

    private static string Units(IReadOnlyList<ComponentUnit>? units) => units is null or []
        ? ""
        : FormattableString.Invariant($" in {units.Count} units, the largest {ByteText.Of(units.Max(unit => unit.WeightBytes))}");

    private static long Bytes(string folder, ModelManifest manifest) =>
        manifest.Files.Keys.Select(path => new FileInfo(Path.Combine(folder, path))).Where(file => file.Exists).Sum(file => file.Length);

    private static string ToJson(string folder, ModelManifest manifest) => JsonSerializer.Serialize(
        new { path = folder, bytes = Bytes(folder, manifest), memory = MemoryTable.Of(manifest).Select(row => new { row.Width, row.Height, row.NumFrames, row.Rungs }), manifest }, I2VJson.Options);
}
