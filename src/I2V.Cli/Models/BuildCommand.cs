using System.CommandLine;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Packages;

namespace I2V.Cli.Models;

/// <summary><c>i2v models build CHECKPOINT -o PACKAGE</c></summary>
internal sealed class BuildCommand
{
    private readonly Argument<string> folder = new("CHECKPOINT") { Description = $"Folder of a checkpoint, or {I2VGenXlPackage.Family} with --random-weights." };
    private readonly Option<ulong?> random = SettingOptions.Number<ulong>("--random-weights", "Make weights from this seed instead of reading a checkpoint: for tests and measurements.", "SEED");
    private readonly Option<bool> tiny = new("--tiny") { Description = "With --random-weights: as narrow as the architecture allows, for any processor." };
    private readonly Option<bool> small = new("--small") { Description = "With --random-weights: full widths, one layer in each block." };
    private readonly PackageOptions package = new();

    public static Command Create()
    {
        var build = new BuildCommand();
        var command = new Command("build", "Make a package from a checkpoint's folder. Interrupted, it goes on when it is started again. Prints the package's folder. " + ModelErrors.ExitCodes)
        {
            build.folder, build.random, build.tiny, build.small,
        };
        build.package.AddTo(command);
        command.Validators.Add(build.Check);
        command.SetAction((parsed, ct) => ModelErrors.ToldAsync(() => build.RunAsync(parsed, ct)));
        return command;
    }

    private void Check(System.CommandLine.Parsing.CommandResult result)
    {
        var isRandom = result.GetResult(random) is not null;
        if (result.GetValue(tiny) && result.GetValue(small))
        {
            result.AddError("--tiny and --small exclude each other.");
        }

        if (!isRandom && (result.GetValue(tiny) || result.GetValue(small)))
        {
            result.AddError("--tiny and --small are sizes of --random-weights SEED; a checkpoint has its own.");
        }

        if (isRandom && result.GetValue(folder) is { } given && given != I2VGenXlPackage.Family)
        {
            result.AddError($"--random-weights takes a family's name in place of the folder: {I2VGenXlPackage.Family}; '{given}' is none.");
        }
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        using var checkpoint = package.Loras.Apply(parsed, Open(parsed));

        // The fused operators know the published widths only.
        var usual = parsed.GetValue(tiny) ? Target.Portable : PackageOptions.TargetOfThisMachine();
        await package.WriteAsync(parsed, checkpoint, usual, Terminal.ForProcess(), ct);
        return ExitCode.Ok;
    }

    private I2VGenXlCheckpoint Open(ParseResult parsed)
    {
        if (parsed.GetValue(random) is not { } seed)
        {
            return I2VGenXlCheckpoints.Open(parsed.GetRequiredValue(folder));
        }

        var size = parsed.GetValue(tiny) ? RandomSize.Tiny : parsed.GetValue(small) ? RandomSize.Small : RandomSize.Full;
        return I2VGenXlCheckpoints.Random(size, seed);
    }
}
