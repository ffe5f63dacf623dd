using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Where a run leaves an output.</summary>
internal enum Place
{
    /// <summary>In the processor's memory, where it can be read.</summary>
    Host,

    /// <summary>On the device, for the next network; on the provider cpu this is the processor's memory.</summary>
    Device,
}

/// <summary>A network that can run: whole in one session, or streamed unit by unit.</summary>
internal interface INetwork : IDisposable
{
    /// <summary>Runs it once. The caller disposes the outputs, which come in the order asked for.</summary>
    /// <param name="sizes">Values for the names in the formulas: b, f, h, w, …</param>
    /// <param name="inputs">Every input of kind tensor.</param>
    /// <param name="outputs">Names, each once, and where each shall lie.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    /// <exception cref="GenerationException">The run failed; out of device memory has its own error.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it.</exception>
    IReadOnlyList<OrtValue> Run(
        IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs, CancellationToken ct);
}

/// <summary>
/// One component of a package, loaded. The inputs that follow from the request's sizes (<see cref="GraphInput"/>) are
/// filled in here, so that callers give tensors only. Runs of one device go one after the other, whatever thread asks.
/// </summary>
internal sealed class Network : INetwork
{
    private readonly InferenceSession session;
    private readonly DerivedInputs derived;
    private readonly HashSet<string> given;
    private readonly DeviceOptions device;
    private readonly OrtMemoryInfo place;
    private readonly string title;

    // Memory that the host frees may still be read by a kernel of the session that freed it, and each session has a
    // stream of its own. Sessions that share a device's memory therefore run strictly one after the other, and every
    // run ends with a wait for its stream.
    private readonly Lock turn;

    private Network(InferenceSession session, DerivedInputs derived, HashSet<string> given, DeviceOptions device, string title)
    {
        (this.session, this.derived, this.given, this.device, this.title) = (session, derived, given, device, title);
        place = DevicePlace.MemoryOf(device);
        turn = DevicePlace.TurnOf(device);
    }

    public InferenceSession Session => session;

    private DeviceMemory? Memory => device.Provider == "cuda" ? DeviceMemory.Current : null;

    /// <summary>Loads a component.</summary>
    /// <param name="package">Whose.</param>
    /// <param name="component">Its name.</param>
    /// <param name="device">Where it shall run.</param>
    /// <param name="variant">One of the component's variants; null for its own graph.</param>
    /// <exception cref="GenerationException">The runtime, its provider or the graph cannot be used, or the manifest describes other inputs.</exception>
    public static Network Load(ModelPackage package, string component, DeviceOptions device, string? variant = null)
    {
        var title = $"The network {component} of the model {package.Manifest.Name}";
        var session = GraphLoader.Load(package, component, device, variant);
        try
        {
            var facts = package.Manifest.Components[component];
            var inputs = variant is null ? facts.Inputs : facts.Variants![variant].Inputs;
            var described = inputs ?? [.. session.InputNames.Select(name => new GraphInput(name, "tensor"))];
            var derived = new DerivedInputs(described);
            var names = described.Select(input => input.Name).ToHashSet();
            return names.SetEquals(session.InputNames)
                ? new Network(session, derived, [.. names.Except(derived.Names)], device, title)
                : throw new FormatException($"the manifest lists the inputs {List(names)}, the graph has {List(session.InputNames)}");
        }
        catch (FormatException error)
        {
            session.Dispose();
            throw new GenerationException(GenerationError.ModelLoadFailed, $"{title} cannot be used: {error.Message.TrimEnd('.')}.", error);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public IReadOnlyList<OrtValue> Run(
        IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        Require(inputs, outputs);
        lock (turn)
        {
            Memory?.TakeRefusal(); // an older one is not about this run
            try
            {
                return SessionRun.Execute(session, title, device, place, inputs.Concat(derived.For(sizes)), outputs, RunWaits.ForAll, ct);
            }
            catch (ArgumentException error)
            {
                throw Mismatch(error.Message, error);
            }
        }
    }

    public void Dispose()
    {
        lock (turn)
        {
            session.Dispose();
            derived.Dispose();
            if (!ReferenceEquals(place, OrtMemoryInfo.DefaultInstance))
            {
                place.Dispose();
            }

            // Its weights are gone: their pages are the next network's, or another process's.
            Memory?.Trim();
        }
    }

    private void Require(IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs)
    {
        if (!given.SetEquals(inputs.Keys))
        {
            throw Mismatch($"it needs the inputs {List(given)}, but was given {List(inputs.Keys)}");
        }

        foreach (var (name, tensor) in inputs)
        {
            if (SessionRun.Misfit(session, name, tensor) is { } misfit)
            {
                throw Mismatch(misfit);
            }
        }

        if (outputs.FirstOrDefault(output => !session.OutputMetadata.ContainsKey(output.Name)).Name is { } unknown)
        {
            throw Mismatch($"it has no output {unknown}; it has {List(session.OutputNames)}");
        }
    }

    private static string List(IEnumerable<string> names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal)) is { Length: > 0 } list ? list : "none";

    private GenerationException Mismatch(string problem, Exception? inner = null) =>
        new(GenerationError.InferenceFailed, $"{title} cannot run: {problem.TrimEnd('.')}.", inner);
}
