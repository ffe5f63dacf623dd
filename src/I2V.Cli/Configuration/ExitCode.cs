namespace I2V.Cli.Configuration;

/// <summary>What the shell sees; documented in the README, so scripts may rely on the numbers.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int Failure = 1;
    public const int Usage = 2;
    public const int JobFailed = 3;
    public const int JobCanceled = 4;
    public const int NotFound = 5;
    public const int Unauthorized = 6;
    public const int TimedOut = 7;
    public const int Interrupted = 130;
}
