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
        try
        {
            using var options = new SessionOptions();
            Configure(options, device);
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
        if (ProviderName(device) is not { } provider)
        {
            return;
        }

        if (!sessions.Any(session => session.GetProviderShares().Any(share => share.ProviderName == provider && share.Nodes > 0)))
        {
            throw NativeLibraryLocation.Missing($"The provider {device.Provider} was asked for, but it takes no operator of this model: use the provider cpu.");
        }
    }

    /// <summary>Says which of the CUDA provider's own libraries are not beside ONNX Runtime.</summary>
    /// <exception cref="GenerationException">At least one is missing.</exception>
    internal static void RequireCudaLibraries(string folder)
    {
        string[] names = OperatingSystem.IsWindows()
            ? ["onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll"]
            : ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
        var missing = names.Where(name => !File.Exists(Path.Combine(folder, name))).ToList();
        if (missing.Count > 0)
        {
            throw NativeLibraryLocation.Missing($"The provider cuda is missing: {string.Join(" and ", missing)} not found in {folder}, beside ONNX Runtime.");
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
                RequireCudaLibraries(Path.GetDirectoryName(NativeLibraryLocation.LoadedFile)!);
                AppendCuda(options, device);
            }
            else
            {
                options.AppendExecutionProvider("WebGPU", new Dictionary<string, string> { ["deviceId"] = Text(device.DeviceId) });
            }
        }
        catch (OrtException error)
        {
            throw NativeLibraryLocation.Missing(
                device.Provider == "cuda"
                    ? $"The provider cuda cannot be used on device {device.DeviceId}: {error.Detail}"
                    : "The provider webgpu cannot be used: ONNX Runtime finds no graphics adapter with a driver, or was built without it.",
                error);
        }
    }

    private static void AppendCuda(SessionOptions options, DeviceOptions device)
    {
        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(new Dictionary<string, string>
        {
            ["device_id"] = Text(device.DeviceId),
            ["arena_extend_strategy"] = "kSameAsRequested",
            ["cudnn_conv_algo_search"] = "HEURISTIC",
        });
        options.AppendExecutionProvider_CUDA(cuda);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
