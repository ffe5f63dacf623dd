using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using I2V.ModelBuilder.Onnx;

namespace I2V.ModelBuilder.Packages;

/// <summary>What of an unfinished package is finished: kept in its folder, so that the next build goes on from there.</summary>
internal sealed class BuildRecord
{
    public const string FileName = "build.json";

    private readonly string path;
    private readonly Dictionary<string, FinishedComponent> finished;

    private BuildRecord(string path, Dictionary<string, FinishedComponent> finished) => (this.path, this.finished) = (path, finished);

    /// <summary>An unreadable record is an empty one: everything is written again.</summary>
    public static BuildRecord Open(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return new BuildRecord(path, JsonSerializer.Deserialize<Dictionary<string, FinishedComponent>>(File.ReadAllBytes(path)) ?? []);
        }
        catch (Exception error) when (error is FileNotFoundException or JsonException)
        {
            return new BuildRecord(path, []);
        }
    }

    /// <summary>
    /// Names all that decides a component's bytes: the program that writes it and cuts it into units, its graphs (which hold
    /// the configuration, the target and the precision) and where its weights come from.
    /// </summary>
    public static string Fingerprint(PlannedComponent component)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(typeof(BuildRecord).Module.ModuleVersionId.ToByteArray());
        foreach (var graph in component.Graphs)
        {
            hash.AppendData(OnnxFile.ToBytes(graph.Graph, graph.Layout));
        }

        hash.AppendData(Encoding.UTF8.GetBytes(component.WeightsIdentity));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The component as it was finished, or null when it was not, or from something else.</summary>
    public FinishedComponent? Find(string name, string fingerprint) =>
        finished.TryGetValue(name, out var found) && found.Fingerprint == fingerprint && found.IsThere(Path.GetDirectoryName(path)!) ? found : null;

    /// <summary>Written aside and moved, so that an interruption leaves the old record or the new one.</summary>
    public async Task AddAsync(string name, FinishedComponent component, CancellationToken ct)
    {
        finished[name] = component;
        var next = path + ".next";
        await File.WriteAllBytesAsync(next, JsonSerializer.SerializeToUtf8Bytes(finished), ct);
        File.Move(next, path, overwrite: true);
    }
}

/// <param name="Fingerprint">Of what it was made from.</param>
/// <param name="Files">Name → length and hash.</param>
internal sealed record FinishedComponent(string Fingerprint, IReadOnlyDictionary<string, FinishedFile> Files)
{
    public bool IsThere(string folder) => Files.All(file => new FileInfo(Path.Combine(folder, file.Key)) is { Exists: true } info && info.Length == file.Value.Bytes);
}

/// <param name="Bytes">Length.</param>
/// <param name="Sha256">Lower-case hexadecimal.</param>
internal sealed record FinishedFile(long Bytes, string Sha256);
