namespace I2V.Cli.Configuration;

/// <summary>An end that the user can do something about: its message is one sentence that says what is wrong and how to mend it.</summary>
internal sealed class CliException : Exception
{
    public CliException(string message, int exitCode = Configuration.ExitCode.Failure)
        : base(message) => ExitCode = exitCode;

    public CliException(string message, Exception inner)
        : base(message, inner)
    {
    }

    public int ExitCode { get; } = Configuration.ExitCode.Failure;
}
