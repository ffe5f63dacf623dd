using System.Runtime.InteropServices;
using I2V.Inference.Devices;
using I2V.ModelBuilder;
using I2V.Protocol.Workers;
using I2V.Tests.Inference;
using I2V.Tests.Inference.Devices;
using I2V.Worker;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using I2V.Worker.Models;
using I2V.Worker.Registration;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace I2V.Tests.Worker;

/// <summary>What a worker says about its device, and does about it.</summary>
[Collection(nameof(DeviceLostTests))] // the exit code is the process's
public sealed class DeviceTests : IDisposable
{
    private const long Free = 12_482_248_704;

    private readonly ManualTimeProvider time = new();
    private readonly TemporaryFolder folder = new();
    private readonly Lifetime lifetime = new();
    private readonly int exitCode = Environment.ExitCode;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Environment.ExitCode = exitCode;
        lifetime.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Heartbeats_claims_and_the_registration_tell_the_free_memory_of_the_last_second()
    {
        using var device = Recorded("neighbour-takes-4gb");
        using var thread = new DeviceThread();
        MotionPackage.Build(folder.Path);
        var options = Options.Create(new WorkerOptions { Packages = folder.Path, State = folder.Path });
        var fitter = new Fitter(device, new ProfileStore(options, device, NullLogger<ProfileStore>.Instance));
        using var models = new ModelHost(options, thread, fitter, time, NullLogger<ModelHost>.Instance);
        var state = new WorkerState(device, models, fitter, lifetime);
        Assert.Equal((Free, Free, Free), Told());

        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((Free - (4L << 30), Free - (4L << 30), Free - (4L << 30)), Told());

        time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal((Free, Free, Free), Told());

        (long?, long?, long) Told() => (state.Beat().MemoryFreeBytes, state.Ask(Guid.Empty).MemoryFreeBytes, state.Describe().Device.MemoryFreeBytes);
    }

    [Fact]
    public void A_gpu_tells_its_memory_and_temperature_and_the_processor_none()
    {
        using var gpu = Recorded("neighbour-takes-4gb");
        using var processor = Device.Find(new WorkerOptions(), time);

        time.Advance(TimeSpan.FromSeconds(8));

        Assert.Equal(new DeviceVitals(4L << 30, 66), gpu.Vitals);
        Assert.Equal(default, processor.Vitals);
        Assert.Equal((12L << 30, 0), (gpu.TierBytes, processor.TierBytes));
        Assert.Equal(("GPU-c41e77f2-6d0b-4b0a-9a53-5e9d1f3a2b68", "NVIDIA GeForce RTX 4070"), (gpu.Id, gpu.Name));
    }

    [Fact]
    public void A_plan_sees_what_happened_since_the_last_second()
    {
        using var device = Recorded("neighbour-takes-4gb");
        time.Advance(TimeSpan.FromSeconds(11.5));
        Assert.Equal(Free - (4L << 30), device.FreeBytes);
        time.Advance(TimeSpan.FromSeconds(0.5));

        var snapshot = device.Snapshot(warmedUp: false);

        Assert.Equal((Free, 12L << 30, "8.9"), (snapshot.FreeBytes, snapshot.TotalBytes, snapshot.ComputeCapability));
        Assert.Equal(Snapshots.ExpectedCudaOverheadBytes, snapshot.OverheadBytes);
    }

    [Fact]
    public void A_limit_of_memory_is_what_a_worker_on_the_host_has()
    {
        using var device = Device.Find(new WorkerOptions { Provider = "webgpu", DeviceIndex = 1, MemoryLimit = "512MB" }, time);

        Assert.Equal((DeviceKind.WebGpu, 512L << 20, $"{Device.Host}/webgpu-1", "WebGPU adapter 1"), (device.Kind, device.TotalBytes, device.Id, device.Name));
        Assert.InRange(device.FreeBytes, 0, 512L << 20);
        Assert.Equal(1, Device.ForPipeline(new WorkerOptions { Provider = "webgpu", DeviceIndex = 1 }).DeviceId);
        Assert.Equal(0, Device.ForPipeline(new WorkerOptions { Provider = "cuda", DeviceIndex = 1 }).DeviceId);
    }

    [Fact]
    public async Task A_lost_gpu_ends_the_process_even_while_it_is_idle()
    {
        using var device = Recorded("lost");
        var policy = new StopPolicy(lifetime, Options.Create(new WorkerOptions()), time, NullLogger<StopPolicy>.Instance);
        using var watch = new LostDeviceWatch(device, policy, NullLogger<LostDeviceWatch>.Instance);
        var watching = watch.WatchAsync(Ct);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(lifetime.ApplicationStopping.IsCancellationRequested);

        time.Advance(TimeSpan.FromSeconds(1));
        await watching.WaitAsync(TimeSpan.FromSeconds(10), Ct);

        Assert.True(lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.Equal(WorkerProcess.ExitDeviceLost, Environment.ExitCode);
    }

    [Fact]
    public async Task A_worker_that_stops_leaves_a_healthy_gpu_without_a_word()
    {
        using var device = Recorded("idle-12gb");
        var policy = new StopPolicy(lifetime, Options.Create(new WorkerOptions()), time, NullLogger<StopPolicy>.Instance);
        using var watch = new LostDeviceWatch(device, policy, NullLogger<LostDeviceWatch>.Instance);
        using var stopping = new CancellationTokenSource();
        var watching = watch.WatchAsync(stopping.Token);
        Assert.False(watching.IsCompleted);

        await stopping.CancelAsync();

        await watching.WaitAsync(TimeSpan.FromSeconds(10), Ct);
        Assert.False(lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.Equal(exitCode, Environment.ExitCode);
    }

    [Fact]
    public void A_lost_gpu_is_one_failure_however_it_shows()
    {
        var lost = new DeviceException(DeviceError.Lost, "The GPU GPU-1 is lost.");

        Assert.True(FailureClassifier.IsDeviceLost(lost));
        Assert.Equal("The worker's device failed, so the worker starts again.", FailureClassifier.Classify(lost).Message);
        Assert.False(FailureClassifier.IsDeviceLost(new DeviceException(DeviceError.NoAnswer, "Later.")));
    }

    [Fact]
    public void Without_a_driver_the_worker_says_so_and_with_one_it_finds_no_gpu_of_that_name()
    {
        var refusal = Assert.Throws<DeviceException>(() => Device.Find(new WorkerOptions { Provider = "cuda", Gpu = "GPU-none" }, time));

        var driver = NativeLibrary.TryLoad("libnvidia-ml.so.1", out _);
        Assert.Equal(driver ? DeviceError.NotFound : DeviceError.NoDriver, refusal.Error);
        Assert.Contains(driver ? "GPU-none" : "libnvidia-ml.so.1 was not found", refusal.Message, StringComparison.Ordinal);
    }

    private Device Recorded(string trace) => new(DeviceKind.Cuda, RecordedProbe.Open(trace, time), new SystemMemory(), time);

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => stopping.Cancel();

        public void Dispose() => stopping.Dispose();
    }
}
