using System.Globalization;
using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Loads a package's graphs on the device that was asked for.</summary>
internal static class GraphLoader
{
    private const string RecordPlacement = "session.record_ep_graph_assignment_info";

    /// <exception cref="GenerationException">The runtime, its provider or the graph cannot be used.</exception>
    public static InferenceSession Load(ModelPackage package, string component, DeviceOptions device)
    {
        using var options = new SessionOptions();
        Configure(options, device);
        try
        {
            return new InferenceSession(package.GraphPath(component), options);
        }
        catch (OrtException error)
        {
            throw new GenerationException(
                GenerationError.ModelLoadFailed, $"The graph {component} of the model {package.Manifest.Name} cannot be loaded. {error.Message}", error);
        }
    }

    /// <summary>Refuses to serve when nothing of the graphs runs on the device that was asked for.</summary>
    /// <exception cref="GenerationException">Everything landed on the processor.</exception>
    public static void RequireDevice(DeviceOptions device, params InferenceSession[] sessions)
    {
        if (ProviderName(device) is { } provider && !sessions.Any(session => session.GetProviderShares().Any(share => share.ProviderName == provider)))
        {
            throw new GenerationException(
                GenerationError.RuntimeMissing, $"The provider {device.Provider} was asked for, but it takes no operator of this model: use the provider cpu.");
        }
    }

    private static string? ProviderName(DeviceOptions device) => device.Provider switch
    {
        "cpu" => null,
        "cuda" => "CUDAExecutionProvider",
        "webgpu" => "WebGpuExecutionProvider",
        var other => throw NativeLibraryLocation.Missing($"The provider {other} is not known; use cpu, cuda or webgpu."),
    };

    private static void Configure(SessionOptions options, DeviceOptions device)
    {
        // A waiting thread must not spin: the encoder and other processes want the same cores.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.IntraOpNumThreads = device.Threads;

        // Sizes change from request to request: memory goes back to the system instead of into a pool that only grows.
        options.EnableCpuMemArena = false;
        options.EnableMemoryPattern = false;

        if (ProviderName(device) is not null)
        {
            options.AddSessionConfigEntry(RecordPlacement, "1");
            AppendProvider(options, device);
        }
    }

    private static void AppendProvider(SessionOptions options, DeviceOptions device)
    {
        try
        {
            if (device.Provider == "cuda")
            {
                AppendCuda(options, device);
            }
            else
            {
                options.AppendExecutionProvider("WebGPU", new Dictionary<string, string> { ["deviceId"] = Text(device.DeviceId) });
            }
        }
        catch (OrtException error)
        {
            throw NativeLibraryLocation.Missing($"The provider {device.Provider} cannot be used on device {device.DeviceId}. {error.Message}", error);
        }
    }

    private static void AppendCuda(SessionOptions options, DeviceOptions device)
    {
        using var cuda = new OrtCUDAProviderOptions();
        var folder = Path.GetDirectoryName(NativeLibraryLocation.LoadedFile)!;
        var missing = ProviderFiles("shared", "cuda").Where(file => !File.Exists(Path.Combine(folder, file))).ToList();
        if (missing.Count > 0)
        {
            throw NativeLibraryLocation.Missing($"The provider cuda is missing: {string.Join(" and ", missing)} not found in {folder}, beside ONNX Runtime.");
        }

        cuda.UpdateOptions(new Dictionary<string, string>
        {
            ["device_id"] = Text(device.DeviceId),
            ["arena_extend_strategy"] = "kSameAsRequested",
            ["cudnn_conv_algo_search"] = "HEURISTIC",
        });
        options.AppendExecutionProvider_CUDA(cuda);
    }

    private static IEnumerable<string> ProviderFiles(params string[] names) =>
        names.Select(name => OperatingSystem.IsWindows() ? $"onnxruntime_providers_{name}.dll" : $"libonnxruntime_providers_{name}.so");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
