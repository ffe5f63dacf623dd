using I2V.Inference.Models;

namespace I2V.ModelBuilder.Packages;

/// <summary>A package before any of its weights is read.</summary>
public sealed record PackagePlan
{
    /// <summary>All but <see cref="ModelManifest.Components"/> and <see cref="ModelManifest.Files"/>, which follow from what is written.</summary>
    public required ModelManifest Manifest { get; init; }

    public required IReadOnlyList<PlannedComponent> Components { get; init; }

    /// <summary>Path below the folder → content: licences, tokenizers.</summary>
    public required IReadOnlyDictionary<string, byte[]> Files { get; init; }

    /// <summary>Bytes of all weights.</summary>
    public long WeightBytes => Components.Sum(component => component.WeightBytes);
}

/// <param name="Component">What is written now.</param>
/// <param name="Bytes">Bytes of weights that are in place, those of an earlier, interrupted build included.</param>
/// <param name="TotalBytes">Bytes of all weights.</param>
public readonly record struct BuildProgress(string Component, long Bytes, long TotalBytes);
