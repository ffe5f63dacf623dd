using System.Security.Cryptography;
using I2V.Inference.Models;
using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Packages;

/// <summary>
/// Writes packages into a hidden folder beside their place and moves them there whole. An interrupted build leaves the
/// hidden folder, and the same build started again keeps the components that are finished in it.
/// </summary>
public static class PackageWriter
{
    /// <summary>Writes the package to <paramref name="folder"/>, in place of a package that is there.</summary>
    /// <exception cref="PackageException">The place cannot take it, or another build is writing it.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static async Task WriteAsync(PackagePlan plan, string folder, IProgress<BuildProgress>? progress, CancellationToken ct)
    {
        // 1. A place of its own, beside the package's.
        var place = new PackagePlace(folder);
        place.Check();
        using var held = place.Hold();
        var record = BuildRecord.Open(place.Unfinished);

        // 2. The components that are not finished yet.
        var fingerprints = plan.Components.ToDictionary(component => component, BuildRecord.Fingerprint);
        place.CheckSpace(plan.Components.Where(component => record.Find(component.Network.Name, fingerprints[component]) is null).Sum(component => component.WeightBytes));
        var files = new Dictionary<string, string>();
        var done = 0L;
        foreach (var component in plan.Components)
        {
            var watch = progress is null ? null : new Offset(written => progress.Report(new BuildProgress(component.Network.Name, written, plan.WeightBytes)), done);
            var finished = record.Find(component.Network.Name, fingerprints[component])
                ?? await WriteComponentAsync(component, fingerprints[component], place.Unfinished, record, watch, ct);
            done += component.WeightBytes;
            progress?.Report(new BuildProgress(component.Network.Name, done, plan.WeightBytes));
            foreach (var (name, file) in finished.Files)
            {
                files[name] = file.Sha256;
            }
        }

        // 3. The small files, and the manifest that names everything.
        foreach (var (path, content) in plan.Files)
        {
            var full = Path.Combine(place.Unfinished, path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            await File.WriteAllBytesAsync(full, content, ct);
            files[path] = Convert.ToHexStringLower(SHA256.HashData(content));
        }

        var manifest = ModelManifestJson.Write(Complete(plan, files));
        await File.WriteAllBytesAsync(Path.Combine(place.Unfinished, ModelManifestJson.FileName), manifest, ct);

        // 4. Into place, without what earlier, other builds have left.
        place.Keep([.. files.Keys, ModelManifestJson.FileName]);
        place.Finish();
    }

    private static async Task<FinishedComponent> WriteComponentAsync(
        PlannedComponent component, string fingerprint, string folder, BuildRecord record, Offset? progress, CancellationToken ct)
    {
        var files = new Dictionary<string, FinishedFile>();
        foreach (var graph in component.Graphs)
        {
            if (graph is { WritesWeights: true, WeightBytes: > 0 })
            {
                var sha256 = await WeightsFile.WriteAsync(Path.Combine(folder, graph.WeightsFile), graph.Layout, progress, ct);
                files[graph.WeightsFile] = new FinishedFile(graph.WeightBytes, sha256);
                progress = progress?.After(graph.WeightBytes);
            }

            foreach (var (name, content) in graph.Files())
            {
                await File.WriteAllBytesAsync(Path.Combine(folder, name), content, ct);
                files[name] = new FinishedFile(content.Length, Convert.ToHexStringLower(SHA256.HashData(content)));
            }
        }

        var finished = new FinishedComponent(fingerprint, files);
        await record.AddAsync(component.Network.Name, finished, ct);
        return finished;
    }

    private static ModelManifest Complete(PackagePlan plan, Dictionary<string, string> files) => plan.Manifest with
    {
        Components = plan.Components.ToDictionary(component => component.Network.Name, component => component.Described),
        Files = new SortedDictionary<string, string>(files, StringComparer.Ordinal),
    };

    /// <summary>Unlike <see cref="Progress{T}"/> it tells at once and in order.</summary>
    private sealed class Offset(Action<long> report, long before) : IProgress<long>
    {
        public void Report(long value) => report(before + value);

        public Offset After(long bytes) => new(report, before + bytes);
    }
}
