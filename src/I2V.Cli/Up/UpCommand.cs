using System.CommandLine;

namespace I2V.Cli.Up;

internal static class UpCommand
{
    public static Command Create() => new("up", "Start everything on this machine: database, broker, gateway and workers.");
}
