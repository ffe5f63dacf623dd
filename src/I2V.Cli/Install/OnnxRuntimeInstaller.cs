using I2V.Cli.Configuration;
using I2V.Cli.Up;

namespace I2V.Cli.Install;

/// <summary>
/// The native ONNX Runtime, from the first of: the folder named by <c>I2V_ONNXRUNTIME_DIR</c>; the official NuGet
/// package, where the user's feeds have it; npm's <c>onnxruntime-node</c>, of which only this platform's library is kept.
/// </summary>
/// <param name="folder">Where installed runtimes are kept, one folder each.</param>
/// <param name="given">The user's own folder; null or empty for none.</param>
internal sealed class OnnxRuntimeInstaller(string folder, string? given, Steps steps)
{
    public const string Variable = "I2V_ONNXRUNTIME_DIR";

    /// <summary>The one that all stacks of this checkout share.</summary>
    public static OnnxRuntimeInstaller ForCheckout(Steps steps) =>
        new(Path.Combine(Product.DefaultData, "onnxruntime"), Environment.GetEnvironmentVariable(Variable), steps);

    /// <summary>What is there without installing anything, or null.</summary>
    public OnnxRuntime? Find(bool gpu)
    {
        if (given is { Length: > 0 })
        {
            return Given(given);
        }

        return new NuGetOnnxRuntime(folder, gpu).Find() ?? new NpmOnnxRuntime(folder, OnnxRuntimePlatform.Current, ToolProcess.Find("npm")).Find();
    }

    /// <summary>Finds it or installs it.</summary>
    public async Task<OnnxRuntime> EnsureAsync(bool gpu, bool install, CancellationToken ct)
    {
        var found = Find(gpu);
        if (found?.Source == Variable)
        {
            return found;
        }

        var nuget = new NuGetOnnxRuntime(folder, gpu);

        // npm's build serves a GPU through WebGPU only, so a wish for CUDA is worth one more try at the feeds, once.
        if (found is not null && (!gpu || found.GpuProvider == "cuda" || nuget.WasTried || !install))
        {
            return found;
        }

        if (!install)
        {
            throw new CliException($"ONNX Runtime {OnnxRuntimePlatform.Version} is not installed: run `./i2v up` without `--no-install`, or set {Variable} to the folder that holds it.");
        }

        if (!nuget.WasTried)
        {
            steps.Say($"fetching ONNX Runtime {OnnxRuntimePlatform.Version} from NuGet ({nuget.Package})");
            if (await nuget.TryInstallAsync(ct) is { } official)
            {
                return official;
            }

            steps.Say($"NuGet's feeds here have no {nuget.Package} {OnnxRuntimePlatform.Version}");
        }

        if (found is not null)
        {
            return found;
        }

        steps.Say($"fetching ONNX Runtime {OnnxRuntimePlatform.Version} from npm (onnxruntime-node)");
        return await new NpmOnnxRuntime(folder, OnnxRuntimePlatform.Current, ToolProcess.Find("npm")).InstallAsync(ct);
    }

    private static OnnxRuntime Given(string given) =>
        Directory.Exists(given) && OnnxRuntimePlatform.Current.LibraryIn(given) is not null
            ? new OnnxRuntime(Path.GetFullPath(given), Variable)
            : throw new CliException($"{Variable} is {given}, which does not hold {string.Join(" or ", OnnxRuntimePlatform.Current.Libraries)}: correct it or remove it.");
}
