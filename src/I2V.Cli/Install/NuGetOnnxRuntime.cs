using I2V.Cli.Up;

namespace I2V.Cli.Install;

/// <summary>Takes the native files out of the official NuGet package, through the user's own NuGet configuration.</summary>
internal sealed class NuGetOnnxRuntime(string folder, bool gpu)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(15);

    /// <summary>On Linux the GPU build has a package of its own.</summary>
    public string Package { get; } =
        !gpu ? "Microsoft.ML.OnnxRuntime" : OperatingSystem.IsWindows() ? "Microsoft.ML.OnnxRuntime.Gpu.Windows" : "Microsoft.ML.OnnxRuntime.Gpu.Linux";

    /// <summary>True when the feeds were asked before and did not have it: they are not asked at every start.</summary>
    public bool WasTried => File.Exists(FailureFile);

    private string Target => Path.Combine(folder, $"{Package.ToLowerInvariant()}-{OnnxRuntimePlatform.Version}-{OnnxRuntimePlatform.Current.RuntimeIdentifier}");

    private string FailureFile => Target + ".not-in-feeds";

    public OnnxRuntime? Find() =>
        Directory.Exists(Target) && OnnxRuntimePlatform.Current.LibraryIn(Target) is not null ? new OnnxRuntime(Target, "NuGet " + Package) : null;

    /// <summary>Null when the feeds do not have it, which is remembered.</summary>
    public async Task<OnnxRuntime?> TryInstallAsync(CancellationToken ct)
    {
        // Below our own folder, so that a NuGet.Config above it counts as for the rest of the checkout.
        var work = Path.Combine(folder, "restore-" + Guid.NewGuid().ToString("N")[..8]);
        try
        {
            var project = await WriteProjectAsync(work, ct);
            var packages = Path.Combine(work, "packages");
            var said = await RestoreAsync(project, packages, ct);
            var native = Path.Combine(packages, Package.ToLowerInvariant(), OnnxRuntimePlatform.Version, "runtimes", OnnxRuntimePlatform.Current.RuntimeIdentifier, "native");
            if (said.ExitCode != 0 || !Directory.Exists(native) || OnnxRuntimePlatform.Current.LibraryIn(native) is null)
            {
                await File.WriteAllTextAsync(FailureFile, $"Delete this file to ask again. The last answer was:\n{said.Output}{said.Error}", ct);
                return null;
            }

            InstalledFolder.Replace(native, Target);
            return Find();
        }
        finally
        {
            if (Directory.Exists(work))
            {
                Directory.Delete(work, recursive: true);
            }
        }
    }

    private static async Task<ToolResult> RestoreAsync(string project, string packages, CancellationToken ct)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            return await ToolProcess.RunAsync(
                Product.DotNet,
                ["restore", project, "--packages", packages, "--verbosity", "quiet", "-nologo"],
                patience.Token,
                workingFolder: Path.GetDirectoryName(project)!,
                environment: new Dictionary<string, string> { ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1", ["DOTNET_NOLOGO"] = "1", ["MSBUILDDISABLENODEREUSE"] = "1" });
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new ToolResult("dotnet", ExitCode: 1, Output: "", Error: $"No answer within {Patience.TotalMinutes} minutes.");
        }
    }

    private async Task<string> WriteProjectAsync(string work, CancellationToken ct)
    {
        Directory.CreateDirectory(work);

        // Empty ones end the search for the product's own build rules, which this project must not follow.
        foreach (var name in (string[])["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props"])
        {
            await File.WriteAllTextAsync(Path.Combine(work, name), "<Project />\n", ct);
        }

        var project = Path.Combine(work, "onnxruntime.csproj");
        await File.WriteAllTextAsync(project, $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net10.0</TargetFramework>
                <UseAppHost>false</UseAppHost>
              </PropertyGroup>
              <ItemGroup>
                <PackageDownload Include="{Package}" Version="[{OnnxRuntimePlatform.Version}]" />
              </ItemGroup>
            </Project>

            """, ct);
        return project;
    }
}
