using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.Inference.Pipelines;

/// <summary>Which of a package's networks to load, and how.</summary>
/// <param name="Component">By its name in the manifest.</param>
/// <param name="Variant">One of the component's variants; null for its own graph.</param>
/// <param name="Streamed">Unit by unit, weights in the processor's memory.</param>
internal readonly record struct NetworkChoice(string Component, string? Variant = null, bool Streamed = false)
{
    private const string Whole = "whole";
    private const string EightBit = "int8";

    /// <summary>A component that techniques do not change, but for feed-forward layers in one where memory is plenty.</summary>
    public static NetworkChoice Of(ModelManifest manifest, string component, Techniques techniques) =>
        new(component, !techniques.ChunkedFeedForward && Has(manifest, component, Whole) ? Whole : null);

    /// <summary>The denoiser.</summary>
    /// <exception cref="GenerationException">The package has not what a technique needs.</exception>
    public static NetworkChoice OfDenoiser(ModelManifest manifest, string component, Techniques techniques)
    {
        if (techniques.EightBit && !Has(manifest, component, EightBit))
        {
            throw Missing(manifest, $"{component} in 8-bit weights, which it was built without");
        }

        var chosen = techniques.EightBit ? new NetworkChoice(component, EightBit) : Of(manifest, component, techniques);
        if (!techniques.Streamed)
        {
            return chosen;
        }

        // Units are cut from the component's own graph: they never take feed-forward layers in one.
        var facts = manifest.Components.GetValueOrDefault(component);
        var units = techniques.EightBit ? facts?.Variants?[EightBit].Units : facts?.Units;
        return units is { Count: > 0 }
            ? new NetworkChoice(component, techniques.EightBit ? EightBit : null, Streamed: true)
            : throw Missing(manifest, $"{component} in units, which it was built without");
    }

    /// <summary>The most voxels that a run of it may have; null for any number.</summary>
    public long? MaxVoxels(ModelManifest manifest)
    {
        var facts = manifest.Components[Component];
        return Variant is null ? facts.MaxVoxels : facts.Variants![Variant].MaxVoxels;
    }

    private static bool Has(ModelManifest manifest, string component, string variant) =>
        manifest.Components.TryGetValue(component, out var facts) && facts.Variants?.ContainsKey(variant) == true;

    private static GenerationException Missing(ModelManifest manifest, string what) =>
        new(GenerationError.InvalidSettings, $"The model {manifest.Name} cannot run so: it needs {what}; build the package again, or take another rung.");
}
