using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>Where a run leaves an output.</summary>
internal enum Place
{
    Host,
    Device,
}

/// <summary>
/// One component of a package, loaded. The inputs that follow from the request's sizes (<see cref="GraphInput"/>) are
/// filled in here, so that callers give tensors only.
/// </summary>
internal sealed class Network : IDisposable
{
    private readonly InferenceSession session;
    private readonly IReadOnlyList<(GraphInput Input, SizeFormula Formula)> derived;

    private Network(InferenceSession session, ModelComponent component)
    {
        this.session = session;
        derived = [.. (component.Inputs ?? []).Where(input => input.Formula is not null).Select(input => (input, SizeFormula.Parse(input.Formula!)))];
    }

    public InferenceSession Session => session;

    /// <exception cref="GenerationException">The runtime, its provider or the graph cannot be used.</exception>
    public static Network Load(ModelPackage package, string component, DeviceOptions device) =>
        new(GraphLoader.Load(package, component, device), package.Manifest.Components[component]);

    /// <summary>Runs the graph once. The caller disposes the outputs, which come in the order asked for.</summary>
    /// <param name="sizes">Values for the names in the formulas: b, f, h, w, …</param>
    /// <param name="inputs">Every input of kind tensor.</param>
    /// <param name="outputs">Names, and where each shall lie.</param>
    /// <param name="ct">Ends the run in its middle.</param>
    /// <exception cref="GenerationException">The run failed; out of device memory has its own error.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it.</exception>
    public IReadOnlyList<OrtValue> Run(
        IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs, CancellationToken ct)
    {
        throw new NotImplementedException();
    }

    public void Dispose() => session.Dispose();
}
