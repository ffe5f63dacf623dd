using System.Globalization;
using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Loads a package's graphs on the device that was asked for.</summary>
internal static class GraphLoader
{
    private const string RecordPlacement = "session.record_ep_graph_assignment_info";
    private const string WebGpuRefusal = "The provider webgpu cannot be used: ONNX Runtime finds no graphics adapter with a driver, or was built without it.";

    /// <exception cref="GenerationException">The runtime, its provider or the graph cannot be used; out of device memory has its own error.</exception>
    public static InferenceSession Load(ModelPackage package, string component, DeviceOptions device, string? variant = null) =>
        Load(
            variant is null ? package.GraphPath(component) : package.GraphPath(component, variant),
            $"The graph {component}{(variant is null ? "" : $" ({variant})")} of the model {package.Manifest.Name}",
            device);

    /// <param name="path">Of the graph.</param>
    /// <param name="title">What it is, as the beginning of a sentence.</param>
    /// <param name="device">Where it shall run.</param>
    /// <param name="slots">Whether its weights lie in a slot, and in which range; null for memory of their own.</param>
    /// <exception cref="GenerationException">The runtime, its provider or the graph cannot be used; out of device memory has its own error.</exception>
    public static InferenceSession Load(string path, string title, DeviceOptions device, (DeviceSlots Slots, SlotRange Range)? slots = null)
    {
        lock (DevicePlace.TurnOf(device))
        {
            try
            {
                var memory = OwnMemory(device);
                memory?.TakeRefusal(); // an older one is not about this graph
                using var weights = slots is { } into ? into.Slots.LoadInto(into.Range) : memory?.LoadWeights();
                using var options = new SessionOptions();
                Configure(options, device);
                var session = new InferenceSession(path, options);
                if (memory?.TakeRefusal() is { } refusal)
                {
                    session.Dispose(); // some of its weights lie nowhere
                    throw DeviceFailure.OfRefusal(title, refusal);
                }

                return session;
            }
            catch (OrtException error)
            {
                throw DeviceFailure.OfLoad(title, device, error);
            }
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

    /// <summary>Our allocator, when the device's sessions use it.</summary>
    /// <exception cref="GenerationException">The runtime, its provider or the driver is missing.</exception>
    public static DeviceMemory? OwnMemory(DeviceOptions device)
    {
        if (device.Provider != "cuda" || !device.Tuning.OwnAllocator)
        {
            return null;
        }

        // The runtime first: that its provider is missing says more than that there is no driver.
        _ = OrtEnv.Instance();
        CudaLibraries.RequireProvider(RuntimeFolder);
        return DeviceMemory.For(device.DeviceId);
    }

    private static string RuntimeFolder => Path.GetDirectoryName(NativeLibraryLocation.LoadedFile)!;

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

        KeepEightBit(options);
        if (ProviderName(device) is not null)
        {
            options.AddSessionConfigEntry(RecordPlacement, "1");
            AppendProvider(options, device);
        }
    }

    /// <summary>
    /// Weights in 8 bits stay so, beside the operators that were written for what is computed with them. The runtime would
    /// fold them as constants into full ones, or put products with 8-bit kernels of its own in the place of ours; each
    /// option keeps it from one of the two.
    /// </summary>
    internal static void KeepEightBit(SessionOptions options)
    {
        options.AddSessionConfigEntry("session.disable_qdq_constant_folding", "1");
        options.AddSessionConfigEntry("session.disable_quant_qdq", "1");
    }

    private static void AppendProvider(SessionOptions options, DeviceOptions device)
    {
        try
        {
            if (device.Provider == "cuda")
            {
                CudaLibraries.RequireProvider(RuntimeFolder);
                AppendCuda(options, device);
            }
            else
            {
                options.AppendExecutionProvider("WebGPU", new Dictionary<string, string> { ["deviceId"] = Text(device.DeviceId) });
            }
        }
        catch (OrtException error)
        {
            throw NativeLibraryLocation.Missing(device.Provider == "cuda" ? CudaRefusal(device, error) : WebGpuRefusal, error);
        }
    }

    private static string CudaRefusal(DeviceOptions device, OrtException error) =>
        CudaLibraries.Missing(RuntimeFolder, Environment.GetEnvironmentVariable("LD_LIBRARY_PATH")) is { } missing
            ? $"The provider cuda cannot be loaded: {missing}."
            : $"The provider cuda cannot be used on device {device.DeviceId}: {error.Detail}";

    private static void AppendCuda(SessionOptions options, DeviceOptions device)
    {
        options.GraphOptimizationLevel = device.Tuning.GraphOptimization;

        // Weights one by one at their exact size, apart from what a run needs.
        options.AddSessionConfigEntry("session.use_device_allocator_for_initializers", "1");
        options.AddSessionConfigEntry(DeviceMemoryCallbacks.SessionOption, device.Tuning.OwnAllocator ? "1" : "0");
        foreach (var (key, value) in device.Tuning.SessionOptions)
        {
            options.AddSessionConfigEntry(key, value);
        }

        var settings = device.Tuning.ToProviderOptions();
        settings["device_id"] = Text(device.DeviceId);
        if (device.Tuning.SharedStream)
        {
            // Without the first, the provider takes the second for the default stream, which ours does not wait for.
            settings["has_user_compute_stream"] = "1";
            settings["user_compute_stream"] = SharedStream(device);
        }

        using var cuda = new OrtCUDAProviderOptions();
        cuda.UpdateOptions(settings);
        options.AppendExecutionProvider_CUDA(cuda);
    }

    private static string SharedStream(DeviceOptions device)
    {
        try
        {
            return CudaDriver.Open(device.DeviceId).ComputeStream.Pointer.ToString(CultureInfo.InvariantCulture);
        }
        catch (CudaException error)
        {
            throw NativeLibraryLocation.Missing($"CUDA device {device.DeviceId} gives no stream: {error.Message}", error);
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
