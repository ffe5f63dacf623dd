using System.Diagnostics;
using I2V.Cli.Up;

namespace I2V.Cli.Testing;

/// <summary>One test program; every project <c>tests/*Tests</c> builds one.</summary>
internal sealed class TestSuite(string name)
{
    private const string GpuTrait = "Category=Gpu";

    public string Name => name;

    private static string Results => Path.Combine(Product.Root, "artifacts", "test-results");

    /// <summary>The fast ones first.</summary>
    public static IReadOnlyList<TestSuite> All() =>
    [
        .. Directory.GetDirectories(Path.Combine(Product.Root, "tests"), "*Tests")
            .Select(folder => Path.GetFileName(folder)!)
            .OrderBy(project => project.Length)
            .Select(project => new TestSuite(project)),
    ];

    public async Task<TestOutcome> RunAsync(bool gpu, string? filter, string onnxRuntimeFolder, CancellationToken ct)
    {
        Directory.CreateDirectory(Results);
        var report = Path.Combine(Results, name + ".xml");
        File.Delete(report);
        var start = new ProcessStartInfo(Product.DotNet, [Program(), "-noColor", "-xml", report, gpu ? "-trait" : "-trait-", GpuTrait, .. Only(filter)])
        {
            WorkingDirectory = Product.Root,
        };
        start.Environment["I2V_ONNXRUNTIME_DIR"] = onnxRuntimeFolder;

        using var process = await ChildThread.RunAsync(() => Process.Start(start)!);
        try
        {
            await process.WaitForExitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return TestOutcome.Read(name, report, process.ExitCode);
    }

    private static string[] Only(string? filter) =>
        filter is null ? [] : ["-method", filter.Contains('*', StringComparison.Ordinal) ? filter : $"*{filter}*"];

    private string Program() => Path.Combine(Product.Root, "artifacts", "bin", name, "release", name + ".dll");
}
