using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

/// <summary>
/// Networks on a device of a stated size: what is loaded counts with its weights, a run counts with so many bytes for each
/// latent pixel of it, and what does not fit is refused as a device refuses it. Notes what was done.
/// </summary>
internal sealed class MeteredNetworks(ModelPackage package, long limitBytes = long.MaxValue)
{
    /// <summary>Of a run, for each b·f·h·w. The autoencoder's widest tensors are pictures of full size.</summary>
    private static readonly Dictionary<string, long> BytesPerVoxel = new()
    {
        ["text_encoder"] = 100_000,
        ["image_encoder"] = 100_000,
        ["vae_encoder"] = 64_000,
        ["conditioning"] = 500,
        ["unet"] = 8_000,
        ["vae_decoder"] = 64_000,
    };

    private readonly NetworkLoader loader = new(package, new DeviceOptions());
    private readonly Dictionary<string, long> weights = [];

    /// <summary>What is loaded now.</summary>
    public IReadOnlyCollection<string> Loaded => weights.Keys;

    /// <summary>Such as <c>load unet whole</c>, <c>run unet b=1 f=3 beside text_encoder unet</c>, <c>release unet</c>, <c>refuse unet</c>.</summary>
    public List<string> Events { get; } = [];

    /// <summary>The most that was needed at one time.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Refuses one run: the network, and how many of its runs go before.</summary>
    public (string Component, int Before)? Fault { get; set; }

    /// <summary>Refuses to load this network once.</summary>
    public string? RefusedLoad { get; set; }

    public long LimitBytes { get; set; } = limitBytes;

    /// <summary>How many times as much each run needs.</summary>
    public int RunFactor { get; init; } = 1;

    public INetwork Load(NetworkChoice choice)
    {
        var facts = package.Manifest.Components[choice.Component];
        var bytes = choice.Streamed ? 2 * facts.Units!.Max(unit => unit.WeightBytes)
            : choice.Variant is { } variant ? facts.Variants![variant].WeightBytes : facts.WeightBytes;
        if (RefusedLoad == choice.Component)
        {
            RefusedLoad = null;
            Refuse(choice.Component);
        }

        Need(choice.Component, bytes);
        var network = new Metered(this, choice.Component, loader.Load(choice));
        weights.Add(choice.Component, bytes);
        Events.Add($"load {choice.Component}{(choice.Streamed ? " streamed" : "")}{(choice.Variant is null ? "" : " " + choice.Variant)}");
        return network;
    }

    public I2VGenXlPipeline Pipeline(Tiling? tiling = null) => new(package, Load, tiling ?? new Tiling(), TimeProvider.System);

    private void Need(string component, long bytes)
    {
        var needed = weights.Values.Sum() + bytes;
        if (needed > LimitBytes)
        {
            Refuse(component, needed);
        }

        PeakBytes = Math.Max(PeakBytes, needed);
    }

    private void Refuse(string component, long? needed = null)
    {
        Events.Add($"refuse {component}");
        throw new GenerationException(GenerationError.OutOfDeviceMemory, $"There is no room for {component} in {LimitBytes} bytes.") { NeededBytes = needed };
    }

    private void BeginRun(string component, IReadOnlyDictionary<string, long> sizes)
    {
        if (Fault is var (faulty, before) && faulty == component)
        {
            Fault = before == 0 ? null : (faulty, before - 1);
            if (before == 0)
            {
                Refuse(component);
            }
        }

        Need(component, RunFactor * BytesPerVoxel[component] * sizes.Values.Aggregate(1L, (product, size) => product * size));
        var shape = string.Concat(sizes.Where(size => size.Key is "b" or "f").OrderBy(size => size.Key, StringComparer.Ordinal).Select(size => $" {size.Key}={size.Value}"));
        Events.Add($"run {component}{shape} beside {string.Join(' ', weights.Keys.Order(StringComparer.Ordinal))}");
    }

    private sealed class Metered(MeteredNetworks owner, string component, INetwork network) : INetwork
    {
        public IReadOnlyList<OrtValue> Run(
            IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs, CancellationToken ct)
        {
            owner.BeginRun(component, sizes);
            return network.Run(sizes, inputs, outputs, ct);
        }

        public void Dispose()
        {
            network.Dispose();
            owner.weights.Remove(component);
            owner.Events.Add($"release {component}");
        }
    }
}
