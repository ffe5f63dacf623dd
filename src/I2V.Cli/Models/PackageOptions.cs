using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using I2V.Cli.Client;
using I2V.Cli.Up;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;
using I2V.Protocol;

namespace I2V.Cli.Models;

/// <summary>How a package is wanted: the same options for <c>build</c> and <c>pull</c>.</summary>
internal sealed partial class PackageOptions
{
    private readonly Option<string?> output = new("--output", "-o")
    {
        Description = "Folder of the package; a package that is there is replaced. Default: .i2v/models/NAME in the checkout.",
        HelpName = "FOLDER",
    };

    private readonly Option<string> name = new("--name") { Description = "What users ask for.", HelpName = "NAME", DefaultValueFactory = _ => I2VGenXlPackage.Family };
    private readonly Option<string?> target = new("--target")
    {
        Description = "fused: operators of CUDA; portable: any provider. Default: fused where an NVIDIA driver is, else portable.",
    };

    private readonly Option<string?> precision = new("--precision") { Description = "fp16 or fp32. Default: fp16 for fused, fp32 for portable." };

    private readonly Option<string?> weights = new("--weights")
    {
        Description = "int8: add a denoiser with matrices in 8 bits, for cards that are too small for the other. It is used when nothing exact fits.",
    };

    public PackageOptions()
    {
        target.AcceptOnlyFromAmong("fused", "portable");
        precision.AcceptOnlyFromAmong("fp16", "fp32");
        weights.AcceptOnlyFromAmong("int8");
        name.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } given && !ValidName().IsMatch(given))
            {
                result.AddError($"--name must be 1 to 64 lower-case letters, digits, '.', '_' or '-', the first a letter or digit; '{given}' is not.");
            }
        });
    }

    public LoraOption Loras { get; } = new();

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON on stdout, and no progress." };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[output, name, target, precision, weights, Loras.Option, Json])
        {
            command.Add(option);
        }
    }

    /// <summary>Builds the package and prints its folder.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="checkpoint">What it is made from.</param>
    /// <param name="usual">The target where none is asked for.</param>
    /// <param name="terminal">Where it is told.</param>
    /// <param name="ct">Ends the build; the same command goes on with it.</param>
    public async Task WriteAsync(ParseResult parsed, I2VGenXlCheckpoint checkpoint, Target usual, Terminal terminal, CancellationToken ct)
    {
        var settings = Settings(parsed, usual);
        var folder = Path.GetFullPath(parsed.GetValue(output) ?? Path.Combine(Product.DefaultData, "models", settings.Name));
        var plan = I2VGenXlPackage.Plan(checkpoint, settings);
        var json = parsed.GetValue(Json);
        if (!json)
        {
            await terminal.Error.WriteLineAsync($"Building {settings.Name} ({settings.Target.ToString().ToLowerInvariant()}, {plan.Manifest.Precision}, {ByteText.Of(plan.WeightBytes)}) in {folder}");
        }

        var view = ByteProgress.View(terminal, json);
        var progress = new ByteProgress<BuildProgress>(view, at => ($"writing {at.Component}", at.Bytes, at.TotalBytes));
        await view.WhileAsync(() => Task.Run(
            async () =>
            {
                await PackageWriter.WriteAsync(plan, folder, progress, ct);
                return true;
            },
            ct));
        await terminal.Out.WriteLineAsync(json ? ToJson(folder, plan) : folder);
    }

    /// <summary>Fused where its provider can be.</summary>
    public static Target TargetOfThisMachine()
    {
        if (File.Exists("/proc/driver/nvidia/version"))
        {
            return Target.Fused;
        }

        if (!NativeLibrary.TryLoad("libnvidia-ml.so.1", out var driver))
        {
            return Target.Portable;
        }

        NativeLibrary.Free(driver);
        return Target.Fused;
    }

    private PackageSettings Settings(ParseResult parsed, Target usual)
    {
        var wanted = parsed.GetValue(precision);
        var chosen = parsed.GetValue(target) switch
        {
            "fused" => Target.Fused,
            "portable" => Target.Portable,
            _ => wanted == "fp32" ? Target.Portable : usual,
        };
        return new PackageSettings
        {
            Name = parsed.GetValue(name)!,
            Target = chosen,
            Precision = (wanted ?? (chosen == Target.Fused ? "fp16" : "fp32")) == "fp16" ? TensorElementType.Float16 : TensorElementType.Float,
            EightBit = parsed.GetValue(weights) == "int8",
        };
    }

    private static string ToJson(string folder, PackagePlan plan) => JsonSerializer.Serialize(
        new
        {
            path = folder,
            name = plan.Manifest.Name,
            family = plan.Manifest.Family,
            precision = plan.Manifest.Precision,
            target = plan.Components[0].Target.ToString().ToLower(CultureInfo.InvariantCulture),
            weight_bytes = plan.WeightBytes,
            package_sha256 = ModelPackage.Sha256Of(folder),
        },
        I2VJson.Options);

    [GeneratedRegex("^[a-z0-9][a-z0-9._-]{0,63}$")]
    private static partial Regex ValidName();
}
