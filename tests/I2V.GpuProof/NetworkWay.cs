using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.GpuProof;

/// <summary>A way to run one of a package's networks.</summary>
/// <param name="Name"><c>own graph</c>, or what is different.</param>
/// <param name="Choice">What is loaded.</param>
/// <param name="Exact">False when the weights are not the checkpoint's in the package's precision.</param>
internal sealed record NetworkWay(string Name, NetworkChoice Choice, bool Exact)
{
    public const string OwnGraph = "own graph";
    public const string Whole = ComponentVariant.Whole;
    public const string Streamed = "streamed";
    public const string EightBit = ComponentVariant.EightBit;
    public const string EightBitStreamed = "int8 streamed";

    /// <summary>
    /// Relative, of an output with 8-bit matrices from the same network's without. A scale for each column rounds evenly
    /// spread weights by 1 / (2 · 127) = 0.4 % of their size, and what is normally distributed by 1 %; what layers add to
    /// each other makes some times that. Measured with random weights in fp32, on the processor: 1.5e-2 to 2.0e-2 at the
    /// tiny size, 1.6e-2 at the small one. The tests of the product allow as much.
    /// </summary>
    public const double EightBitLimit = 3e-2;

    /// <summary>All that the package has of a network, its own graph first.</summary>
    public static IReadOnlyList<NetworkWay> Of(ModelManifest manifest, string component)
    {
        var facts = manifest.Components[component];
        var ways = new List<NetworkWay> { new(OwnGraph, new NetworkChoice(component), Exact: true) };
        if (facts.Variants?.ContainsKey(Whole) == true)
        {
            ways.Add(new NetworkWay(Whole, new NetworkChoice(component, Whole), Exact: true));
        }

        if (facts.Units is { Count: > 0 })
        {
            ways.Add(new NetworkWay(Streamed, new NetworkChoice(component, Streamed: true), Exact: true));
        }

        if (facts.Variants?.GetValueOrDefault(EightBit) is { } eightBit)
        {
            ways.Add(new NetworkWay(EightBit, new NetworkChoice(component, EightBit), Exact: false));
            if (eightBit.Units is { Count: > 0 })
            {
                ways.Add(new NetworkWay(EightBitStreamed, new NetworkChoice(component, EightBit, Streamed: true), Exact: false));
            }
        }

        return ways;
    }
}
