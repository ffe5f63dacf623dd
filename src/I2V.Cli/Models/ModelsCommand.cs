using System.CommandLine;

namespace I2V.Cli.Models;

/// <summary><c>i2v models …</c>: packages, from a checkpoint to what a worker serves.</summary>
internal static class ModelsCommand
{
    public static Command Create() => new("models", "Build, fetch and examine model packages.")
    {
        BuildCommand.Create(),
        PullCommand.Create(),
        ShowCommand.Create(),
        VerifyCommand.Create(),
        ListCommand.Create(),
    };
}
