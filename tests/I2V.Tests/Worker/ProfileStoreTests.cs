using I2V.Inference.Models;
using I2V.Tests.Inference;
using I2V.Worker;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace I2V.Tests.Worker;

public sealed class ProfileStoreTests : IDisposable
{
    private static readonly string Package = new('a', 64);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void What_runs_taught_survives_a_restart()
    {
        Open().Learn(Package, Run(peak: 5_000, secondsPerStep: 2));

        var known = Assert.Single(Open().Of(Package));

        Assert.Equal((5_000, 2.0), (known.PhasePeakBytes["denoising"], known.SecondsPerStep));
    }

    [Fact]
    public void The_highest_memory_stays_and_the_pace_follows_the_last_runs()
    {
        var store = Open();
        store.Learn(Package, Run(peak: 5_000, secondsPerStep: 2));
        store.Learn(Package, Run(peak: 4_000, secondsPerStep: 4));

        var known = Assert.Single(Open().Of(Package));

        Assert.Equal(5_000, known.PhasePeakBytes["denoising"]);
        Assert.InRange(known.SecondsPerStep!.Value, 2.01, 3.99);
    }

    [Theory]
    [InlineData("streamed", 512, true)]
    [InlineData("resident", 576, true)]
    [InlineData("resident", 512, false)]
    public void Runs_of_another_kind_are_kept_apart(string rung, int width, bool guided)
    {
        var store = Open();
        store.Learn(Package, Run(peak: 5_000, secondsPerStep: 2));
        store.Learn(Package, Run(peak: 1_000, secondsPerStep: 9) with { Rung = rung, Width = width, Guided = guided });

        Assert.Equal(2, store.Of(Package).Count);
    }

    [Fact]
    public void Another_package_and_another_device_know_nothing_of_it()
    {
        Open().Learn(Package, Run(peak: 5_000, secondsPerStep: 2));

        Assert.Empty(Open().Of(new string('b', 64)));
        Assert.Empty(Open(device: 1).Of(Package));
    }

    [Fact]
    public void A_damaged_file_is_learned_anew()
    {
        Open().Learn(Package, Run(peak: 5_000, secondsPerStep: 2));
        File.WriteAllText(Assert.Single(Directory.GetFiles(folder.Path)), "[{");

        var store = Open();
        Assert.Empty(store.Of(Package));
        store.Learn(Package, Run(peak: 7_000, secondsPerStep: 1));

        Assert.Equal(7_000, Assert.Single(Open().Of(Package)).PhasePeakBytes["denoising"]);
    }

    private static FitProfile Run(long peak, double secondsPerStep) => new()
    {
        Device = "a card",
        Rung = "resident",
        Width = 512,
        Height = 512,
        NumFrames = 16,
        Guided = true,
        PhasePeakBytes = new Dictionary<string, long> { ["denoising"] = peak },
        SecondsPerStep = secondsPerStep,
    };

    private ProfileStore Open(int device = 0)
    {
        var options = Options.Create(new WorkerOptions { State = folder.Path, DeviceIndex = device });
        using var found = Device.Find(options.Value, TimeProvider.System);
        return new ProfileStore(options, found, NullLogger<ProfileStore>.Instance);
    }
}
