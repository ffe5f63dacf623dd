using I2V.Cli.Configuration;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Checkpoints.Hub;
using I2V.ModelBuilder.Packages;
using I2V.ModelBuilder.Weights;

namespace I2V.Cli.Models;

/// <summary>Says in one sentence what keeps a package from being built, fetched or read.</summary>
internal static class ModelErrors
{
    public const string ExitCodes = "Exit codes: 0 done, 1 failure, 2 wrong usage, 130 interrupted.";

    public static async Task<int> ToldAsync(Func<Task<int>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception error) when (error is CheckpointException or WeightsException or PackageException or HubException or GenerationException or IOException or UnauthorizedAccessException)
        {
            throw new CliException(error.Message, error);
        }
    }
}
