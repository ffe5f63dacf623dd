using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using I2V.Cli.Configuration;
using I2V.Cli.Install;
using I2V.Cli.Up;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli.Install;

public sealed class OnnxRuntimeInstallerTests : IDisposable
{
    private static readonly byte[] Library = RandomNumberGenerator.GetBytes(1000);

    private readonly TemporaryFolder folder = new();
    private readonly StringWriter said = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static OnnxRuntimePlatform Current => OnnxRuntimePlatform.Current;

    private string Installed => folder.File("onnxruntime");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task The_given_folder_wins()
    {
        await File.WriteAllBytesAsync(folder.File(Current.Library), Library, Ct);
        var runtime = await new OnnxRuntimeInstaller(Installed, folder.Path, Steps()).EnsureAsync(gpu: false, install: true, Ct);
        Assert.Equal(new OnnxRuntime(folder.Path, OnnxRuntimeInstaller.Variable), runtime);
        Assert.False(Directory.Exists(Installed));
    }

    [Fact]
    public void A_given_folder_without_the_library_is_told_in_one_sentence()
    {
        var error = Assert.Throws<CliException>(() => new OnnxRuntimeInstaller(Installed, folder.Path, Steps()).Find(gpu: false));
        Assert.Contains($"I2V_ONNXRUNTIME_DIR is {folder.Path}, which does not hold", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_npm_the_one_command_that_installs_it_is_told()
    {
        var error = await Assert.ThrowsAsync<CliException>(() => new NpmOnnxRuntime(Installed, Current, npm: null).InstallAsync(Ct));
        Assert.Matches(@"^npm is missing, from which ONNX Runtime would come: `(sudo )?apt-get install --no-install-recommends npm` installs it, or set I2V_ONNXRUNTIME_DIR to a folder that holds ONNX Runtime [\d.]+\.$", error.Message);
        Assert.False(Directory.Exists(Installed));
    }

    [Theory]
    [InlineData(false, "Microsoft.ML.OnnxRuntime")]
    [InlineData(true, "Microsoft.ML.OnnxRuntime.Gpu.Linux")]
    public async Task The_official_package_is_taken_from_the_users_own_feed(bool gpu, string package)
    {
        string[] files = gpu ? [Current.Libraries[^1], "libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"] : [Current.Libraries[^1]];
        WriteFeed(package, files);

        var runtime = await new OnnxRuntimeInstaller(Installed, given: null, Steps()).EnsureAsync(gpu, install: true, Ct);

        Assert.Equal("NuGet " + package, runtime.Source);
        Assert.Equal(gpu ? "cuda" : "webgpu", runtime.GpuProvider);
        Assert.Equal(files.Order(StringComparer.Ordinal), Directory.GetFiles(runtime.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(Library, await File.ReadAllBytesAsync(Path.Combine(runtime.Folder, files[0]), Ct));
        Assert.Equal([runtime.Folder], Directory.GetFileSystemEntries(Installed));
        Assert.Equal(runtime, new OnnxRuntimeInstaller(Installed, given: null, Steps()).Find(gpu));
    }

    [Fact]
    public async Task A_feed_without_the_package_is_asked_once()
    {
        WriteFeed("Another.Package", ["libonnxruntime.so"]);
        var nuget = new NuGetOnnxRuntime(Installed, gpu: false);

        Assert.False(nuget.WasTried);
        Assert.Null(await nuget.TryInstallAsync(Ct));

        Assert.True(nuget.WasTried);
        Assert.Null(nuget.Find());
        Assert.Single(Directory.GetFileSystemEntries(Installed));
    }

    [Fact]
    public async Task Only_this_platforms_library_is_kept_of_npms_package()
    {
        var archive = WriteArchive($"package/bin/napi-v6/{Current.NpmFolder}/{Current.NpmFile}", "package/bin/napi-v6/other/cpu/libonnxruntime.so.1", "package/package.json");
        var platform = Current with { NpmSha256 = Convert.ToHexStringLower(SHA256.HashData(Library)) };

        await new NpmOnnxRuntime(Installed, platform, npm: null).ExtractAsync(archive, folder.File("kept"), Ct);

        var kept = Assert.Single(Directory.GetFiles(folder.File("kept"), "*", SearchOption.AllDirectories));
        Assert.Equal(Current.Library, Path.GetFileName(kept));
        Assert.Equal(Library, await File.ReadAllBytesAsync(kept, Ct));
    }

    [Fact]
    public async Task A_library_with_another_hash_is_refused()
    {
        var archive = WriteArchive($"package/bin/napi-v6/{Current.NpmFolder}/{Current.NpmFile}");
        var error = await Assert.ThrowsAsync<CliException>(() => new NpmOnnxRuntime(Installed, Current, npm: null).ExtractAsync(archive, folder.File("kept"), Ct));
        Assert.Contains("is not the file that this product was tested with", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_without_the_library_says_what_was_looked_for()
    {
        var archive = WriteArchive("package/package.json");
        var error = await Assert.ThrowsAsync<CliException>(() => new NpmOnnxRuntime(Installed, Current, npm: null).ExtractAsync(archive, folder.File("kept"), Ct));
        Assert.Contains(Current.NpmFile, error.Message, StringComparison.Ordinal);
    }

    private Steps Steps() => new(said, TimeProvider.System);

    // A feed in a folder and a NuGet.Config above the installer's folder, which is how a company would offer the package.
    private void WriteFeed(string package, IReadOnlyList<string> files)
    {
        var feed = Directory.CreateDirectory(folder.File("feed"));
        using (var zip = ZipFile.Open(Path.Combine(feed.FullName, $"{package}.{OnnxRuntimePlatform.Version}.nupkg"), ZipArchiveMode.Create))
        {
            using (var writer = new StreamWriter(zip.CreateEntry(package + ".nuspec").Open()))
            {
                writer.Write($"""
                    <?xml version="1.0"?>
                    <package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
                      <metadata><id>{package}</id><version>{OnnxRuntimePlatform.Version}</version><authors>test</authors><description>test</description></metadata>
                    </package>
                    """);
            }

            foreach (var file in files)
            {
                using var content = zip.CreateEntry($"runtimes/{Current.RuntimeIdentifier}/native/{file}").Open();
                content.Write(Library);
            }
        }

        File.WriteAllText(folder.File("NuGet.Config"), """
            <configuration><packageSources><clear /><add key="feed" value="feed" /></packageSources></configuration>
            """);
    }

    private string WriteArchive(params string[] entries)
    {
        var archive = folder.File("package.tgz");
        using var zipped = new GZipStream(File.Create(archive), CompressionMode.Compress);
        using var tar = new TarWriter(zipped);
        foreach (var name in entries)
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Library) });
        }

        return archive;
    }
}
