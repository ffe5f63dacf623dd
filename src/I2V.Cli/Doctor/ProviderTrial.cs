using I2V.Cli.Configuration;
using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder;

namespace I2V.Cli.Doctor;

/// <summary>Finds out whether an execution provider really works here: it loads the smallest model with it.</summary>
internal static class ProviderTrial
{
    /// <param name="gpu">For cuda; null for the first.</param>
    public static int Run(string provider, string? gpu)
    {
        var folder = Directory.CreateTempSubdirectory("i2v-doctor-");
        try
        {
            if (gpu is not null)
            {
                GpuSelection.Select(gpu, position: 0, TimeProvider.System);
            }

            using var pipeline = PipelineLoader.Load(ModelPackage.Open(MotionPackage.Ensure(folder.FullName)), new DeviceOptions { Provider = provider });
            pipeline.WarmUp(CancellationToken.None);
            Console.WriteLine(OrtEnv.GetVersionString());
            return ExitCode.Ok;
        }
        catch (Exception error) when (error is GenerationException or DeviceException)
        {
            throw new CliException(error.Message, error);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
