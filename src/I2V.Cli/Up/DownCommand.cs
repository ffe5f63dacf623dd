using System.CommandLine;

namespace I2V.Cli.Up;

internal static class DownCommand
{
    public static Command Create() => new("down", "Stop what `up` runs.");
}
