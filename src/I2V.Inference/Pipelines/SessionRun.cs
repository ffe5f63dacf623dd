using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Whom a run waits for.</summary>
/// <param name="Inputs">Until tensors of the processor are on the device.</param>
/// <param name="Outputs">Until the device has written the outputs. Else the run is only handed over, and the device must do what it is asked next behind it.</param>
internal readonly record struct RunWaits(bool Inputs, bool Outputs)
{
    public static RunWaits ForAll { get; } = new(Inputs: true, Outputs: true);
}

/// <summary>One run of one session, from bound inputs to outputs. The caller has the device's turn.</summary>
internal static class SessionRun
{
    private const string DoNotWait = "disable_synchronize_execution_providers";

    /// <param name="session">What runs.</param>
    /// <param name="title">What it is, as the beginning of a sentence.</param>
    /// <param name="device">Where it runs.</param>
    /// <param name="place">Where outputs lie that stay on the device.</param>
    /// <param name="inputs">All of the graph's.</param>
    /// <param name="outputs">Which to make, and where each shall lie; what shall lie on the processor is waited for.</param>
    /// <param name="waits">Whom for.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    /// <returns>The outputs in the order asked for; the caller disposes them.</returns>
    /// <exception cref="GenerationException">The run failed; out of device memory has its own error.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it.</exception>
    public static IReadOnlyList<OrtValue> Execute(
        InferenceSession session,
        string title,
        DeviceOptions device,
        OrtMemoryInfo place,
        IEnumerable<KeyValuePair<string, OrtValue>> inputs,
        IEnumerable<(string Name, Place Place)> outputs,
        RunWaits waits,
        CancellationToken ct)
    {
        try
        {
            using var binding = session.CreateIoBinding();
            foreach (var (name, tensor) in inputs)
            {
                binding.BindInput(name, tensor);
            }

            foreach (var (name, where) in outputs)
            {
                binding.BindOutputToDevice(name, where == Place.Device ? place : OrtMemoryInfo.DefaultInstance);
            }

            if (waits.Inputs)
            {
                binding.SynchronizeBoundInputs();
            }

            Run(session, binding, title, device, waits.Outputs, ct);
            return binding.GetOutputValues();
        }
        catch (OrtException error)
        {
            throw DeviceFailure.OfRun(title, device, error);
        }
    }

    /// <summary>Why a tensor cannot be an input, as the end of a sentence; null when it can.</summary>
    public static string? Misfit(InferenceSession session, string name, OrtValue tensor)
    {
        var (expected, actual) = (session.InputMetadata[name], tensor.GetTensorTypeAndShape());
        return actual.ElementDataType != expected.ElementDataType || !Fits(actual.Shape, expected.Dimensions)
            ? $"its input {name} is {expected.ElementDataType} [{Shape(expected.Dimensions)}], but was given {actual.ElementDataType} [{Shape(actual.Shape)}]"
            : null;
    }

    /// <summary>A run that failed or was cancelled has kernels under way as well: nothing of its memory may be given out before they end.</summary>
    private static void Run(InferenceSession session, OrtIoBinding binding, string title, DeviceOptions device, bool isAwaited, CancellationToken ct)
    {
        var memory = device is { Provider: "cuda", Tuning.OwnAllocator: true } ? DeviceMemory.Current : null;
        try
        {
            using var options = new RunOptions();
            options.SetLogSeverityLevel(OrtLoggingLevel.Fatal); // what fails reaches the caller; a log line says it twice
            if (!isAwaited)
            {
                options.AddRunConfigEntry(DoNotWait, "1");
            }

            using var watch = memory?.EndOnRefusal(options);
            session.RunWithBinding(options, binding, ct);
        }
        catch
        {
            try
            {
                binding.SynchronizeBoundOutputs();
            }
            catch (OrtException)
            {
                // The run's own error is the cause, and says more.
            }

            throw;
        }

        if (isAwaited)
        {
            binding.SynchronizeBoundOutputs();
        }

        if (memory?.TakeRefusal() is { } refusal)
        {
            throw DeviceFailure.OfRefusal(title, refusal);
        }
    }

    private static bool Fits(IReadOnlyList<long> shape, IReadOnlyList<long> expected) =>
        shape.Count == expected.Count && shape.Zip(expected).All(pair => pair.Second < 0 || pair.First == pair.Second);

    private static string Shape(IEnumerable<long> dimensions) => string.Join(", ", dimensions.Select(size => size < 0 ? "any" : $"{size}"));
}
