using System.Reflection;
using I2V.Inference.Devices;
using I2V.Inference.Pipelines;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace I2V.Worker;

/// <summary>How the process starts and with which code it ends.</summary>
internal static class WorkerProcess
{
    /// <summary>A restart may help: the watchdog ended the process, or it would not stop in time.</summary>
    public const int ExitUnhealthy = 70;

    /// <summary>A restart helps: the device answers the old process no more, but a new one.</summary>
    public const int ExitDeviceLost = 71;

    /// <summary>A restart cannot help: options, packages or the device must be mended first.</summary>
    public const int ExitConfiguration = 78;

    /// <summary>Stopping takes at most the drain time and this much more: give the job back, say goodbye.</summary>
    public static readonly TimeSpan StopMargin = TimeSpan.FromSeconds(15);

    public static string Version { get; } =
        typeof(WorkerProcess).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0.0.0";

    public static void AddWorkerOptions(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<WorkerOptions>()
            .Bind(builder.Configuration.GetSection(WorkerOptions.Section))
            .ValidateDataAnnotations()
            .ValidateOnStart();
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<WorkerOptions>>((host, worker) =>
            host.ShutdownTimeout = worker.Value.DrainTimeout + StopMargin);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Random>();
    }

    /// <summary>Runs until it is stopped. What keeps it from starting is said in one sentence a line, without a stack.</summary>
    public static async Task<int> RunToExitCodeAsync(this HostApplicationBuilder builder)
    {
        try
        {
            using var host = builder.Build();
            await host.RunAsync();
            return Environment.ExitCode;
        }
        catch (OptionsValidationException error)
        {
            return Refuse(error.Failures, ExitConfiguration);
        }
        catch (Exception error) when (error is DeviceException or GenerationException)
        {
            return Refuse([error.Message], FailureClassifier.IsDeviceLost(error) ? ExitDeviceLost : ExitConfiguration);
        }
    }

    private static int Refuse(IEnumerable<string> sentences, int code)
    {
        foreach (var sentence in sentences)
        {
            Console.Error.WriteLine("The worker cannot start: " + sentence);
        }

        return code;
    }
}
