using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using I2V.Cli.Configuration;
using I2V.Cli.Up;

namespace I2V.Cli.Install;

/// <summary>Takes this platform's library out of npm's <c>onnxruntime-node</c> and nothing else; its hash is part of this program.</summary>
/// <param name="folder">Where installed runtimes are kept.</param>
/// <param name="platform">Whose library is taken.</param>
/// <param name="npm">The program, or null where there is none.</param>
internal sealed class NpmOnnxRuntime(string folder, OnnxRuntimePlatform platform, string? npm)
{
    private const string Package = "onnxruntime-node@" + OnnxRuntimePlatform.Version;

    private string Target => Path.Combine(folder, $"onnxruntime-node-{OnnxRuntimePlatform.Version}-{platform.RuntimeIdentifier}");

    public OnnxRuntime? Find() => platform.LibraryIn(Target) is null ? null : new OnnxRuntime(Target, "npm " + Package);

    public async Task<OnnxRuntime> InstallAsync(CancellationToken ct)
    {
        if (npm is null)
        {
            throw new CliException($"npm is missing, from which ONNX Runtime would come: `{Sudo}apt-get install --no-install-recommends npm` installs it, or set {OnnxRuntimeInstaller.Variable} to a folder that holds ONNX Runtime {OnnxRuntimePlatform.Version}.");
        }

        var work = Path.Combine(folder, "pack-" + Guid.NewGuid().ToString("N")[..8]);
        Directory.CreateDirectory(work);
        try
        {
            var pack = await ToolProcess.RunAsync(npm, ["pack", Package, "--silent", "--pack-destination", work], ct, workingFolder: work);
            pack.ThrowIfFailed();
            var archive = Directory.GetFiles(work, "*.tgz").FirstOrDefault()
                ?? throw new CliException($"`npm pack {Package}` wrote no archive; it said: {pack.Output.Trim()} {pack.Error.Trim()}");
            var kept = Path.Combine(work, "kept");
            await ExtractAsync(archive, kept, ct);
            InstalledFolder.Replace(kept, Target);
            return Find()!;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Writes the one library of this platform, after checking its hash.</summary>
    internal async Task ExtractAsync(string archive, string target, CancellationToken ct)
    {
        var wanted = $"package/bin/napi-v6/{platform.NpmFolder}/{platform.NpmFile}";
        await using var unzipped = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        await using var tar = new TarReader(unzipped);
        while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
        {
            if (entry.Name == wanted)
            {
                Directory.CreateDirectory(target);
                var file = Path.Combine(target, platform.Library);
                await entry.ExtractToFileAsync(file, overwrite: true, ct);
                await CheckAsync(file, ct);
                return;
            }
        }

        throw new CliException($"{Package} from npm does not hold {wanted}; set {OnnxRuntimeInstaller.Variable} to a folder that holds ONNX Runtime {OnnxRuntimePlatform.Version}.");
    }

    private async Task CheckAsync(string file, CancellationToken ct)
    {
        await using var stream = File.OpenRead(file);
        var found = Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, ct));
        if (found != platform.NpmSha256)
        {
            throw new CliException($"{Package} from npm is not the file that this product was tested with (SHA-256 {found} instead of {platform.NpmSha256}), so it is not used.");
        }
    }

    private static string Sudo => Environment.IsPrivilegedProcess ? "" : "sudo ";
}
