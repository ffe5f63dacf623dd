namespace I2V.Cli.Client;

/// <summary>Data goes to stdout, everything else to stderr, and an animation only to a terminal that can show one.</summary>
internal sealed record Terminal(TextWriter Out, TextWriter Error, bool Animates)
{
    public static Terminal ForProcess() => new(
        Console.Out,
        Console.Error,
        CanAnimate(Console.IsErrorRedirected, Environment.GetEnvironmentVariable));

    /// <summary>Without anything that a terminal would take for a command.</summary>
    public static string Plain(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    internal static bool CanAnimate(bool redirected, Func<string, string?> environment) =>
        !redirected && string.IsNullOrEmpty(environment("NO_COLOR")) && environment("TERM") is not (null or "" or "dumb");
}
