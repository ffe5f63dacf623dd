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
        var problems = Limits(manifest).Concat(FitChecks.Run(manifest)).ToList();

        // Packages have gigabytes in a few files: each is hashed as a stream, several at a time.
        problems.AddRange(manifest.Files.OrderBy(file => file.Key, StringComparer.Ordinal)
            .AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Clamp(Environment.ProcessorCount, 1, MostHashedAtOnce))
            .Select(file => CheckFile(folder, file.Key, file.Value))
            .OfType<string>());

        problems.AddRange(GraphChecks.Run(folder, manifest));
        return problems;
    }

    /// <summary>What is wrong with a manifest's rules and graphs; hashes nothing.</summary>
    public static IEnumerable<string> WithoutHashes(string folder, ModelManifest manifest) => Limits(manifest).Concat(FitChecks.Run(manifest)).Concat(GraphChecks.Run(folder, manifest));

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
