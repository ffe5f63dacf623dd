using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Planning;
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

        var known = Assert.Single(Open().Of(Package).Profiles);

        Assert.Equal((5_000, 2.0), (known.PhasePeakBytes["denoising"], known.SecondsPerStep));
    }

    [Fact]
    public void The_highest_memory_stays_and_the_pace_follows_the_last_runs()
    {
        var store = Open();
        store.Learn(Package, Run(peak: 5_000, secondsPerStep: 2));
        store.Learn(Package, Run(peak: 4_000, secondsPerStep: 4));

        var known = Assert.Single(Open().Of(Package).Profiles);

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

        Assert.Equal(2, store.Of(Package).Profiles.Count);
    }

    [Fact]
    public void Another_package_and_another_device_know_nothing_of_it()
    {
        Open().Learn(Package, Run(peak: 5_000, secondsPerStep: 2));

        Assert.Equal(LearnedFits.None, Open().Of(new string('b', 64)));
        Assert.Equal(LearnedFits.None, Open(device: 1).Of(Package));
    }

    [Fact]
    public void What_memory_ran_out_in_survives_a_restart_too()
    {
        var shortage = Shortage(9_000);
        Open().Learn(Package, Run(peak: 5_000, secondsPerStep: 2) with { Rung = "streamed" });
        Open().Learn(Package, shortage);

        var known = Open().Of(Package);

        Assert.Equal((shortage, 1), (Assert.Single(known.Shortages), known.Profiles.Count));
    }

    [Fact]
    public void Of_failures_of_one_kind_the_one_that_needed_most_counts()
    {
        var store = Open();
        store.Learn(Package, Shortage(9_000));
        store.Learn(Package, Shortage(7_000));
        Assert.Equal([Shortage(9_000)], store.Of(Package).Shortages);

        store.Learn(Package, Shortage(11_000));
        store.Learn(Package, Shortage(1_000) with { Phase = GenerationPhase.Decoding });
        Assert.Equal([Shortage(11_000), Shortage(1_000) with { Phase = GenerationPhase.Decoding }], Open().Of(Package).Shortages);
    }

    [Fact]
    public void A_run_that_gets_by_with_less_takes_a_failure_back_and_one_that_needs_more_does_not()
    {
        var store = Open();
        store.Learn(Package, Shortage(9_000));

        store.Learn(Package, Run(peak: 9_500, secondsPerStep: 2));
        Assert.Single(Open().Of(Package).Shortages);

        store.Learn(Package, Run(peak: 8_000, secondsPerStep: 2));
        Assert.Empty(Open().Of(Package).Shortages);
    }

    [Theory]
    [InlineData("[{")]
    [InlineData("[]")]
    [InlineData("""{"profiles": null, "shortages": []}""")]
    [InlineData("""{"shortages": [{"rung": "resident", "phase": "dreaming"}]}""")]
    public void A_damaged_file_is_learned_anew(string damaged)
    {
        Open().Learn(Package, Run(peak: 5_000, secondsPerStep: 2));
        File.WriteAllText(Assert.Single(Directory.GetFiles(folder.Path)), damaged);

        var store = Open();
        Assert.Equal(LearnedFits.None, store.Of(Package));
        store.Learn(Package, Run(peak: 7_000, secondsPerStep: 1));

        Assert.Equal(7_000, Assert.Single(Open().Of(Package).Profiles).PhasePeakBytes["denoising"]);
    }

    private static FitShortage Shortage(long neededBytes) =>
        PlanSamples.Shortage("resident", new PlanRequest(512, 512, 16, Steps: 0, Guided: true), GenerationPhase.Denoising, neededBytes);

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
