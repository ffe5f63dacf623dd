using System.Diagnostics;
using System.Runtime.InteropServices;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Tests.Inference;

namespace I2V.GpuTests;

/// <summary>What ruins a process is tried in a process of its own: this program again, with one of the explicit tests.</summary>
[Trait("Category", "Gpu")]
public sealed class ErrorTests(ITestOutputHelper output)
{
    private const string ReportVariable = "I2V_GPU_TEST_REPORT";

    /// <summary>A kernel that writes where nothing is.</summary>
    private const string Poke =
        """
        .version 6.3
        .target sm_75
        .address_size 64
        .visible .entry poke()
        {
            .reg .b64 %address;
            .reg .b32 %value;
            mov.u64 %address, 16;
            mov.u32 %value, 1;
            st.global.u32 [%address], %value;
            ret;
        }
        """;

    [Fact]
    public async Task An_error_that_stays_is_told_from_every_other_by_runs_and_by_loads()
    {
        var said = await ElsewhereAsync(nameof(Child_loses_its_device), environment => { });

        Assert.Equal(["well: null", "run: DeviceLost", "load: DeviceLost"], said);
    }

    [Fact]
    public async Task A_library_of_cuda_that_is_not_found_is_named()
    {
        var said = Assert.Single(await ElsewhereAsync(nameof(Child_loads_a_network), environment => environment.Remove("LD_LIBRARY_PATH")));

        // Where CUDA's libraries are installed for the whole system nothing is missing.
        Assert.Matches(@"^(loaded|RuntimeMissing: The provider cuda cannot be loaded: lib\w+\.so\.\d+.* not found in .*the system's library folders; .*\.)$", said);
    }

    [Fact(Explicit = true)]
    public void Child_loses_its_device()
    {
        using var folder = new TemporaryFolder();
        var network = DoublingNetwork.Load(folder);
        using var x = DoublingNetwork.Rows(2);
        network.Run(x, Place.Host).Dispose();
        Report($"well: {CudaDriver.StuckError(0) ?? "null"}");

        LoseDevice();

        Report($"run: {Assert.Throws<GenerationException>(() => network.Run(x, Place.Host)).Error}");
        using var second = new TemporaryFolder();
        Report($"load: {Assert.Throws<GenerationException>(() => DoublingNetwork.Load(second)).Error}");
    }

    [Fact(Explicit = true)]
    public void Child_loads_a_network()
    {
        using var folder = new TemporaryFolder();
        try
        {
            DoublingNetwork.Load(folder).Dispose();
            Report("loaded");
        }
        catch (GenerationException error)
        {
            Report($"{error.Error}: {error.Message}");
        }
    }

    private static void Report(string line) => File.AppendAllText(Environment.GetEnvironmentVariable(ReportVariable)!, line + "\n");

    private static unsafe void LoseDevice()
    {
        var driver = CudaDriver.Open(0);
        Assert.True(driver.TryEnter());
        nint module, function;
        var text = Marshal.StringToCoTaskMemUTF8(Poke);
        driver.Check(((delegate* unmanaged<nint*, nint, int>)driver.Export("cuModuleLoadData"))(&module, text), "cuModuleLoadData");
        var name = Marshal.StringToCoTaskMemUTF8("poke");
        driver.Check(((delegate* unmanaged<nint*, nint, nint, int>)driver.Export("cuModuleGetFunction"))(&function, module, name), "cuModuleGetFunction");
        driver.Check(
            ((delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, nint, nint, int>)driver.Export("cuLaunchKernel"))(
                function, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0),
            "cuLaunchKernel");
        Assert.Equal("CUDA_ERROR_ILLEGAL_ADDRESS", driver.Synchronize());
        Marshal.FreeCoTaskMem(text);
        Marshal.FreeCoTaskMem(name);
    }

    /// <summary>What one of the explicit tests reports from a process of its own. How that process ends does not matter: its device may be gone.</summary>
    private async Task<string[]> ElsewhereAsync(string test, Action<IDictionary<string, string?>> change)
    {
        var ct = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-method", $"{typeof(ErrorTests).FullName}.{test}", "-explicit", "only"])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[ReportVariable] = folder.File("report");
        change(start.Environment);
        using var child = Process.Start(start)!;
        var said = child.StandardOutput.ReadToEndAsync(ct);
        var complained = child.StandardError.ReadToEndAsync(ct);
        await child.WaitForExitAsync(ct);
        output.WriteLine(await said + await complained);
        return File.Exists(folder.File("report")) ? await File.ReadAllLinesAsync(folder.File("report"), ct) : [];
    }
}
