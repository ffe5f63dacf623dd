using System.CommandLine;
using I2V.Cli.Configuration;
using I2V.Inference.Devices;
using I2V.Inference.Pipelines;

namespace I2V.Cli.Render;

/// <summary>The options that say where <c>render</c> runs, and the device that they mean.</summary>
internal sealed class RenderDevice
{
    private readonly Option<string> provider = new("--provider") { Description = "Where it runs: cpu, cuda or webgpu. Default: cpu, or cuda with --gpu.", DefaultValueFactory = _ => "cpu" };
    private readonly Option<string?> gpu = new("--gpu")
    {
        Description = "Which NVIDIA GPU: its number in nvidia-smi, or the uuid of it or of a MIG instance, or how that begins. Default: the first that CUDA_VISIBLE_DEVICES leaves.",
        HelpName = "INDEX|UUID",
    };

    private readonly Option<int> device = new("--device") { Description = "Which device of the provider, counted from 0; with cuda of those that CUDA_VISIBLE_DEVICES leaves.", HelpName = "N" };
    private readonly Option<bool> share = new("--share") { Description = "Use the GPU even while a worker or another render has it." };
    private readonly Option<int> threads = new("--threads") { Description = "Processor threads; 0 is automatic.", HelpName = "N" };

    public void AddTo(Command command)
    {
        provider.AcceptOnlyFromAmong("cpu", "cuda", "webgpu");
        foreach (var option in (Option[])[provider, gpu, device, share, threads])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            var chosen = result.GetResult(gpu) is not null;
            if (chosen && result.GetResult(provider) is { Implicit: false } && result.GetValue(provider) != "cuda")
            {
                result.AddError("--gpu is for --provider cuda.");
            }

            if (chosen && result.GetResult(device) is { Implicit: false })
            {
                result.AddError("--gpu and --device both say which GPU: leave one of them out.");
            }
        });
    }

    public string Provider(ParseResult parsed) => parsed.GetResult(gpu) is not null ? "cuda" : parsed.GetValue(provider)!;

    /// <summary>Finds the device and, when it is a GPU, takes it for this process.</summary>
    /// <exception cref="CliException">There is none such, or somebody has it.</exception>
    public HeldDevice Take(ParseResult parsed)
    {
        var options = new DeviceOptions { Provider = Provider(parsed), DeviceId = parsed.GetValue(device), Threads = parsed.GetValue(threads) };
        try
        {
            return options.Provider == "cuda" ? TakeGpu(parsed, options) : new HeldDevice(options, OnHost(options), Held: null);
        }
        catch (DeviceException error) when (error.Error == DeviceError.Busy)
        {
            throw new CliException($"{error.Message} `--share` uses it all the same.", error);
        }
        catch (DeviceException error)
        {
            throw new CliException(error.Message, error.Error is DeviceError.NotFound or DeviceError.Hidden or DeviceError.Ambiguous ? ExitCode.Usage : ExitCode.Failure);
        }
    }

    private HeldDevice TakeGpu(ParseResult parsed, DeviceOptions options)
    {
        NvmlProbe probe;
        try
        {
            probe = GpuSelection.Select(parsed.GetValue(gpu), options.DeviceId, TimeProvider.System);
        }
        catch (DeviceException error) when (error.Error == DeviceError.NoDriver && parsed.GetValue(gpu) is null)
        {
            return new HeldDevice(options, Probe: null, Held: null); // some containers have CUDA without NVML; and CUDA says best what it lacks
        }

        var held = parsed.GetValue(share) ? null : DeviceLock.Take(probe.Facts.Id);
        return new HeldDevice(options with { DeviceId = 0 }, probe, held);
    }

    private static HostProbe OnHost(DeviceOptions options)
    {
        var host = new SystemMemory();
        var id = FormattableString.Invariant($"{Environment.MachineName}/{options.Provider}-{options.DeviceId}");
        return new HostProbe(options.Provider, id, options.Provider == "cpu" ? host.ProcessorName : "WebGPU adapter", host, limitBytes: null, TimeProvider.System);
    }
}

/// <summary>A device that this process may use until the result is disposed.</summary>
/// <param name="Options">For the pipeline.</param>
/// <param name="Probe">Null where nobody can tell about the device.</param>
/// <param name="Held">Null where others may use it too.</param>
internal sealed record HeldDevice(DeviceOptions Options, IGpuProbe? Probe, DeviceLock? Held) : IDisposable
{
    public void Dispose() => Held?.Dispose();
}
