using System.Security.Cryptography;

namespace I2V.Inference.Models;

/// <summary>Everything that can be wrong with a package's files and limits, found before any of them is used.</summary>
internal static class PackageChecks
{
    /// <summary>More streams than this only make a disk seek.</summary>
    private const int MostHashedAtOnce = 8;

    private const int HashBufferBytes = 1 << 20;

    /// <returns>One clause for each thing that is wrong.</returns>
    public static List<string> Run(string folder, ModelManifest manifest)
    {
        var problems = Limits(manifest).ToList();

        // Packages have gigabytes in a few files: each is hashed as a stream, several at a time.
        problems.AddRange(manifest.Files.OrderBy(file => file.Key, StringComparer.Ordinal)
            .AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Clamp(Environment.ProcessorCount, 1, MostHashedAtOnce))
            .Select(file => CheckFile(folder, file.Key, file.Value))
            .OfType<string>());

        problems.AddRange(Graphs(folder, manifest));
        return problems;
    }

    /// <summary>What is wrong with a manifest's rules and graphs; hashes nothing.</summary>
    public static IEnumerable<string> WithoutHashes(string folder, ModelManifest manifest) => Limits(manifest).Concat(Graphs(folder, manifest));

    private static IEnumerable<string> Graphs(string folder, ModelManifest manifest) => manifest.Components
        .OrderBy(component => component.Key, StringComparer.Ordinal)
        .SelectMany(component => CheckGraph(folder, manifest, component.Key, component.Value));

    private static IEnumerable<string> Limits(ModelManifest manifest)
    {
        var (frames, sizes, fps, defaults) = (manifest.Frames, manifest.Sizes, manifest.Fps, manifest.Defaults);
        if (frames.Rule is not ("any" or "4k+1"))
        {
            yield return $"frames.rule is {frames.Rule}, but must be any or 4k+1";
        }

        if (frames.Min < 1 || frames.Max < frames.Min || defaults.NumFrames < frames.Min || defaults.NumFrames > frames.Max)
        {
            yield return $"frames must satisfy 1 ≤ min ≤ defaults.num_frames ≤ max, but they are {frames.Min}, {defaults.NumFrames}, {frames.Max}";
        }

        if (sizes.MultipleOf < 1 || sizes.Min < sizes.MultipleOf || sizes.DefaultLongestSide < sizes.Min || sizes.Max < sizes.DefaultLongestSide)
        {
            yield return $"sizes must satisfy 1 ≤ multiple_of ≤ min ≤ default_longest_side ≤ max, but they are {sizes.MultipleOf}, {sizes.Min}, {sizes.DefaultLongestSide}, {sizes.Max}";
        }

        if (fps.Min < 1 || defaults.Fps < fps.Min || fps.Max < defaults.Fps)
        {
            yield return $"fps must satisfy 1 ≤ min ≤ defaults.fps ≤ max, but they are {fps.Min}, {defaults.Fps}, {fps.Max}";
        }

        if (manifest.Steps is { } steps && (steps.Min < 1 || defaults.Steps is not { } count || count < steps.Min || count > steps.Max))
        {
            yield return $"steps must satisfy 1 ≤ min ≤ defaults.steps ≤ max, but they are {steps.Min}, {defaults.Steps}, {steps.Max}";
        }

        foreach (var problem in Presets(manifest))
        {
            yield return problem;
        }
    }

    private static IEnumerable<string> Presets(ModelManifest manifest)
    {
        var presets = manifest.Presets ?? new Dictionary<string, ModelPreset>();
        foreach (var (name, preset) in presets.Where(preset => manifest.Steps is not { } steps || preset.Value.Steps < steps.Min || preset.Value.Steps > steps.Max))
        {
            yield return $"presets.{name}.steps is {preset.Steps}, outside steps";
        }

        if (manifest.Defaults.Preset is { } chosen && !presets.ContainsKey(chosen))
        {
            yield return $"defaults.preset is {chosen}, which presets does not have";
        }

        foreach (var file in (manifest.Tokenizers ?? []).SelectMany(tokenizer => (string[])[tokenizer.Vocabulary, tokenizer.Merges]).Where(file => !manifest.Files.ContainsKey(file)))
        {
            yield return $"tokenizers names {file}, which files does not list";
        }
    }

    private static string? CheckFile(string folder, string path, string sha256)
    {
        try
        {
            if (Escape(folder, path) is { } escape)
            {
                return $"{path} {escape}";
            }

            var full = Path.Combine(folder, path);
            if (!File.Exists(full))
            {
                return $"{path} is missing: the manifest says its SHA-256 is {sha256}";
            }

            using var stream = new FileStream(full, new FileStreamOptions { BufferSize = HashBufferBytes, Options = FileOptions.SequentialScan });
            var found = Convert.ToHexStringLower(SHA256.HashData(stream));
            return found == sha256 ? null : $"{path} is damaged: its SHA-256 is {found}, the manifest says {sha256}";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"{path} cannot be read: {error.Message}";
        }
    }

    private static List<string> CheckGraph(string folder, ModelManifest manifest, string name, ModelComponent component)
    {
        if (!manifest.Files.ContainsKey(component.Graph))
        {
            return [$"components.{name}.graph is {component.Graph}, which files does not list"];
        }

        var full = Path.Combine(folder, component.Graph);
        if (Escape(folder, component.Graph) is not null || !File.Exists(full))
        {
            return []; // already said
        }

        try
        {
            return [.. OnnxExternalData.Read(File.ReadAllBytes(full))
                .GroupBy(part => part.Location, StringComparer.Ordinal)
                .SelectMany(parts => CheckLocation(folder, manifest, component.Graph, parts.Key, [.. parts]))];
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return [$"{component.Graph} cannot be read as an ONNX model: {error.Message.TrimEnd('.')}"];
        }
    }

    private static IEnumerable<string> CheckLocation(
        string folder, ModelManifest manifest, string graph, string location, IReadOnlyList<ExternalPart> parts)
    {
        if (Escape(folder, location) is { } escape)
        {
            yield return $"{graph} takes weights from {location}, which {escape}";
            yield break;
        }

        var full = Path.Combine(folder, Path.GetDirectoryName(graph) ?? "", location);
        var path = Path.GetRelativePath(folder, full).Replace('\\', '/');
        if (!manifest.Files.ContainsKey(path))
        {
            yield return $"{graph} takes weights from {path}, which files does not list";
            yield break;
        }

        var bytes = File.Exists(full) ? new FileInfo(full).Length : long.MaxValue; // that it is missing is said already
        if (parts.FirstOrDefault(part => part.Offset > (ulong)bytes || part.Length > (ulong)bytes - part.Offset) is { } outside)
        {
            yield return $"{graph} takes the weight {outside.Tensor} from bytes {outside.Offset} to {(UInt128)outside.Offset + outside.Length} of {path}, which has {bytes}";
        }
    }

    /// <summary>Why a path may not be used, or null: it must be plain, relative, downwards, and no link on the way.</summary>
    internal static string? Escape(string folder, string path)
    {
        var parts = path.Split('/');
        if (path.Length == 0 || Path.IsPathRooted(path) || path.Contains('\\') || path.Contains(':') || path.Contains('\0')
            || parts.Any(part => part is "" or "." or ".."))
        {
            return "is not a plain path below the folder";
        }

        var at = folder;
        foreach (var part in parts)
        {
            at = Path.Combine(at, part);
            if (new FileInfo(at).LinkTarget is not null)
            {
                return "is or goes through a symbolic link";
            }
        }

        return null;
    }
}
