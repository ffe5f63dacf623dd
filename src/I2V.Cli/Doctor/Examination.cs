using System.Globalization;
using System.Runtime.InteropServices;
using I2V.Cli.Configuration;
using I2V.Cli.Install;
using I2V.Cli.Up;

namespace I2V.Cli.Doctor;

/// <summary>The single checks of <c>i2v doctor</c>.</summary>
internal static class Examination
{
    private const long NeededBytes = 2L << 30;

    public static IEnumerable<Check> Programs()
    {
        yield return new Check(".NET", CheckState.Ok, RuntimeInformation.FrameworkDescription);
        foreach (var package in SystemPackage.ForServers)
        {
            yield return package.Find() is { } place
                ? new Check(package.Name, CheckState.Ok, place)
                : new Check(package.Name, CheckState.Missing, "not found", $"`./i2v up` installs it; or `{SystemPackages.InstallCommand([package])}`.");
        }

        yield return SystemPackage.Chromium.Find() is { } chromium
            ? new Check("Chromium", CheckState.Ok, chromium)
            : new Check("Chromium", CheckState.Note, "not found; only tests need it", $"`{SystemPackages.InstallCommand([SystemPackage.Chromium])}`");
        yield return ToolProcess.Find("npm") is { } npm
            ? new Check("npm", CheckState.Ok, npm)
            : new Check("npm", CheckState.Note, "not found; only needed to fetch ONNX Runtime where NuGet does not have it");
    }

    public static IEnumerable<Check> Machine(DataFolder data)
    {
        yield return new Check("processor", CheckState.Ok, FormattableString.Invariant($"{Environment.ProcessorCount} cores, {RuntimeInformation.OSArchitecture}"));
        yield return Disk(data.Root);
        yield return Stack(data);
        yield return FreePorts.IsFree(UpOptions.DefaultPort)
            ? new Check("port", CheckState.Ok, FormattableString.Invariant($"{UpOptions.DefaultPort} is free"))
            : new Check("port", CheckState.Note, FormattableString.Invariant($"{UpOptions.DefaultPort} is taken; `up` takes the next free one or `--port`"));
    }

    public static async Task<IReadOnlyList<Check>> EngineAsync(string? gpu, CancellationToken ct)
    {
        List<Check> checks = [.. GpuChecks.All()];
        OnnxRuntime? runtime;
        try
        {
            runtime = OnnxRuntimeInstaller.ForCheckout(new Steps(TextWriter.Null, TimeProvider.System)).Find(gpu: true);
        }
        catch (CliException error)
        {
            return [.. checks, new Check("ONNX Runtime", CheckState.Missing, error.Message)];
        }

        if (runtime is null)
        {
            return [.. checks, new Check("ONNX Runtime", CheckState.Missing, "not found", $"`./i2v up` installs it; or set {OnnxRuntimeInstaller.Variable}.")];
        }

        checks.Add(new Check("ONNX Runtime", CheckState.Ok, $"{runtime.Folder} ({runtime.Source})"));
        foreach (var provider in (string[])["cpu", "cuda", "webgpu"])
        {
            checks.Add(await ProviderAsync(provider, provider == "cuda" ? gpu : null, runtime, ct));
        }

        return checks;
    }

    private static async Task<Check> ProviderAsync(string provider, string? gpu, OnnxRuntime runtime, CancellationToken ct)
    {
        var trial = await ToolProcess.RunAsync(
            Product.DotNet,
            [Product.Program("I2V.Cli"), "doctor", "--provider", provider, .. gpu is null ? Array.Empty<string>() : ["--gpu", gpu]],
            ct,
            environment: new Dictionary<string, string> { [OnnxRuntimeInstaller.Variable] = runtime.Folder });
        if (trial.ExitCode == 0)
        {
            return new Check("provider " + provider, CheckState.Ok, $"works (ONNX Runtime {trial.Output.Trim()})");
        }

        var said = trial.Error.Split('\n').FirstOrDefault(line => line.Trim().Length > 0)?.Trim();
        var detail = said ?? string.Create(CultureInfo.InvariantCulture, $"its trial ended with exit code {trial.ExitCode}");
        return new Check("provider " + provider, provider == "cpu" ? CheckState.Missing : CheckState.Note, "does not work here: " + detail);
    }

    private static Check Disk(string folder)
    {
        var existing = folder;
        while (!Directory.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing)!;
        }

        var free = new DriveInfo(existing).AvailableFreeSpace;
        var detail = FormattableString.Invariant($"{free / (double)(1L << 30):0.0} GB free for {folder}");
        return free >= NeededBytes
            ? new Check("disk", CheckState.Ok, detail)
            : new Check("disk", CheckState.Missing, detail, "Make room for at least 2 GB, or name another folder with `--data`.");
    }

    private static Check Stack(DataFolder data)
    {
        if (!File.Exists(data.MarkerFile))
        {
            return new Check("stack", CheckState.Note, $"none was started with {data.Root} yet");
        }

        using var free = data.TryLock();
        return free is null
            ? new Check("stack", CheckState.Ok, $"runs with {data.Root}")
            : new Check("stack", CheckState.Note, $"stopped; its data is in {data.Root}");
    }
}
