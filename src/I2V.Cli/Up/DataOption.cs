using System.CommandLine;

namespace I2V.Cli.Up;

/// <summary><c>--data</c>: which stack is meant. Flag, then <c>I2V_DATA</c>, then <c>.i2v</c> in the checkout.</summary>
internal static class DataOption
{
    public static Option<string?> Instance { get; } = new("--data") { Description = "Folder of the stack's data (or I2V_DATA). Default: .i2v in the checkout." };

    public static string Folder(ParseResult parsed) =>
        Path.GetFullPath(parsed.GetValue(Instance)
            ?? (Environment.GetEnvironmentVariable("I2V_DATA") is { Length: > 0 } folder ? folder : Product.DefaultData));
}
