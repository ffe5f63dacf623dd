using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Pipelines;
using I2V.Worker;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace I2V.Tests.Worker;

/// <summary>Jobs on a device whose films need more than the package says: the first one runs out of memory, the next ones know.</summary>
public sealed class TaughtJobTests(TinyI2VGenXl tiny) : IDisposable
{
    /// <summary>How many times as much runs need as they usually do here: far above what the plan expects.</summary>
    private const int RunFactor = 100;

    private readonly TemporaryFolder folder = new();
    private readonly FixedProbe probe = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(Rung.EncodersReleased)]
    [InlineData(Rung.SerialGuidance)]
    [InlineData(Rung.DenoiserReleased)]
    public async Task The_second_job_begins_where_the_first_one_ended_and_a_restart_forgets_nothing(string fits)
    {
        var package = await tiny.PackageAsync();
        var networks = await CardOfAsync(package, fits);
        using var pipeline = networks.Pipeline();

        var first = Make(package, pipeline, Open());
        var second = Make(package, pipeline, Open());

        Assert.Equal(Rung.Resident, first.Began);
        Assert.True(first.StepsDown > 0);
        Assert.Equal((first.Ended, first.Ended, 0), (second.Began, second.Ended, second.StepsDown));
        Assert.Equal(Rung.Resident, Open().Begin(package, Spec(Request with { Width = 128 })).Plan.Rung.Name); // what is not known is tried
    }

    [Fact]
    public async Task The_same_worker_knows_it_at_once()
    {
        var package = await tiny.PackageAsync();
        var networks = await CardOfAsync(package, Rung.SerialGuidance);
        using var pipeline = networks.Pipeline();
        var fitter = Open();

        var first = Make(package, pipeline, fitter);
        var second = Make(package, pipeline, fitter);

        Assert.Equal((first.Ended, 0), (second.Began, second.StepsDown));
    }

    [Fact]
    public async Task More_memory_brings_the_better_rung_back()
    {
        var package = await tiny.PackageAsync();
        var networks = await CardOfAsync(package, Rung.EncodersReleased);
        using var pipeline = networks.Pipeline();
        Make(package, pipeline, Open());

        networks.LimitBytes = probe.Budget = 8L << 30; // whoever had the rest has gone
        var now = Make(package, pipeline, Open());

        Assert.Equal((Rung.Resident, Rung.Resident, 0), (now.Began, now.Ended, now.StepsDown));
    }

    private static GenerationRequest Request => TinyI2VGenXl.Request with { NumFrames = 4 };

    private static JobSpec Spec(GenerationRequest request) => new()
    {
        Model = "i2vgen-xl",
        Fit = new JobFit(),
        Settings = new JobSettings
        {
            Width = request.Width,
            Height = request.Height,
            NumFrames = request.NumFrames,
            Steps = request.Steps,
            GuidanceScale = request.GuidanceScale,
        },
    };

    private static (string Began, string Ended, int StepsDown) Make(ModelPackage package, IVideoPipeline pipeline, Fitter fitter)
    {
        var fitting = fitter.Begin(package, Spec(Request));
        var began = fitting.Plan.Rung;
        _ = Films.Pixels(pipeline, Request with { Techniques = began.Techniques, RanOut = fitting.RanOut, StepDown = fitting.StepDown });
        return (began.Name, fitting.Plan.Rung.Name, pipeline.LastRun!.StepsDown);
    }

    /// <summary>A device with exactly the memory that films need on a rung, and not on the one above it.</summary>
    private async Task<MeteredNetworks> CardOfAsync(ModelPackage package, string fits)
    {
        var rung = Ladder.Of(package.Manifest, Fitter.AskedBy(package.Manifest, Spec(Request).Settings), "cpu").Single(rung => rung.Name == fits);
        var roomy = new MeteredNetworks(package) { RunFactor = RunFactor };
        using var pipeline = roomy.Pipeline();
        _ = await Task.Run(() => Films.Pixels(pipeline, Request with { Techniques = rung.Techniques }));
        probe.Budget = roomy.PeakBytes;
        return new MeteredNetworks(package, roomy.PeakBytes) { RunFactor = RunFactor };
    }

    /// <summary>A worker that has just started.</summary>
    private Fitter Open()
    {
        var device = new Device(DeviceKind.Cpu, probe, new SystemMemory(), new ManualTimeProvider());
        return new Fitter(device, new ProfileStore(Options.Create(new WorkerOptions { State = folder.Path }), device, NullLogger<ProfileStore>.Instance));
    }

    /// <summary>A device all of whose memory but the margin may be planned.</summary>
    private sealed class FixedProbe : IGpuProbe
    {
        public long Budget { get; set; }

        public GpuFacts Facts => new() { Provider = "cpu", Id = "host/cpu-0", Name = "A processor", TotalBytes = TotalBytes };

        private long TotalBytes => (Budget * 16 / 15) + 1;

        public GpuSample Read() => new()
        {
            TakenAt = DateTimeOffset.UnixEpoch,
            Memory = new GpuMemory(TotalBytes, TotalBytes, UsedBytes: 0, ProcessBytes: null),
        };
    }
}
