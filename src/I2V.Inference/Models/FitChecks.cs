namespace I2V.Inference.Models;

/// <summary>What is wrong with what a manifest says about memory: a plan that is made from it must not overflow or loop.</summary>
internal static class FitChecks
{
    /// <returns>One clause for each thing that is wrong.</returns>
    public static IEnumerable<string> Run(ModelManifest manifest) => [.. Memory(manifest.Memory ?? new Dictionary<string, MemoryTerm>()), .. Voxels(manifest.Components), .. Envelope(manifest.Envelope), .. Profiles(manifest.FitProfiles ?? [])];

    private static IEnumerable<string> Memory(IReadOnlyDictionary<string, MemoryTerm> terms)
    {
        foreach (var (name, term) in terms.OrderBy(term => term.Key, StringComparer.Ordinal))
        {
            if (term.FixedBytes < 0 || !double.IsFinite(term.BytesPerVoxel) || term.BytesPerVoxel < 0)
            {
                yield return FormattableString.Invariant($"memory.{name} must not be negative, but it is {term.FixedBytes} and {term.BytesPerVoxel} for each voxel");
            }
        }
    }

    private static IEnumerable<string> Voxels(IReadOnlyDictionary<string, ModelComponent> components)
    {
        foreach (var (name, component) in components.OrderBy(component => component.Key, StringComparer.Ordinal))
        {
            IEnumerable<(string Name, long? Most)> graphs =
                [(name, component.MaxVoxels), .. (component.Variants ?? new Dictionary<string, ComponentVariant>()).Select(variant => ($"{name}.variants.{variant.Key}", variant.Value.MaxVoxels))];
            foreach (var (graph, most) in graphs.Where(graph => graph.Most < 1))
            {
                yield return $"components.{graph}.max_voxels must be at least 1, but it is {most}";
            }
        }
    }

    private static IEnumerable<string> Envelope(IReadOnlyList<EnvelopeLine>? lines)
    {
        if (lines is null)
        {
            yield break;
        }

        if (lines.Count == 0 || lines[^1].BelowFreeBytes is not null || lines.SkipLast(1).Any(line => line.BelowFreeBytes is null or < 1))
        {
            yield return "envelope must have a line, and below_free_bytes in every line but the last";
            yield break;
        }

        foreach (var (one, next) in lines.Zip(lines.Skip(1)))
        {
            if (next.BelowFreeBytes <= one.BelowFreeBytes || next.MaxPixels < one.MaxPixels || next.MaxFrames < one.MaxFrames)
            {
                yield return $"envelope must go from the smallest card to the largest, but after {one.MaxPixels} pixels and {one.MaxFrames} frames below {one.BelowFreeBytes} bytes comes {next.MaxPixels} and {next.MaxFrames} below {(next.BelowFreeBytes is { } bytes ? $"{bytes}" : "any number")}";
            }
        }

        if (lines[0].MaxPixels < 1 || lines[0].MaxFrames < 1)
        {
            yield return $"envelope must allow a pixel and a frame, but its first line allows {lines[0].MaxPixels} and {lines[0].MaxFrames}";
        }
    }

    private static IEnumerable<string> Profiles(IReadOnlyList<FitProfile> profiles)
    {
        for (var i = 0; i < profiles.Count; i++)
        {
            var profile = profiles[i];
            if (profile.Width < 1 || profile.Height < 1 || profile.NumFrames < 1)
            {
                yield return $"fit_profiles[{i}] must be of a film, but its size is {profile.Width} × {profile.Height} × {profile.NumFrames}";
            }

            if (profile.PhasePeakBytes.Values.Any(bytes => bytes < 0)
                || ((double?[])[profile.EncodeSeconds, profile.SecondsPerStep, profile.DecodeSeconds]).Any(seconds => seconds is { } value && (!double.IsFinite(value) || value < 0)))
            {
                yield return $"fit_profiles[{i}] has a negative number of bytes or seconds";
            }
        }
    }
}
