using I2V.Inference.Planning;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using I2V.Worker.Models;
using Microsoft.Extensions.Hosting;

namespace I2V.Worker.Registration;

/// <summary>What the worker says about itself.</summary>
internal sealed class WorkerState(Device device, ModelHost models, Fitter fitter, IHostApplicationLifetime lifetime)
{
    private int running;

    public string Name { get; } = device.Kind == DeviceKind.Cuda ? $"{Device.Host}/{device.Name}" : device.Id;

    public bool IsBusy => Volatile.Read(ref running) > 0;

    /// <summary>The lanes that this worker consumes: its models', and the tiers that its GPU reaches.</summary>
    public IReadOnlyList<string> Lanes { get; } = I2V.Protocol.Bus.Lanes.Served(models.Packages.Select(p => p.Manifest.Name), device.TierBytes);

    public void SetBusy(bool busy) => Volatile.Write(ref running, busy ? 1 : 0);

    public RegisterWorker Describe() => new()
    {
        Name = Name,
        Host = Device.Host,
        Device = device.Describe(),
        Models = [.. models.Packages.Select(package => Capability.Of(package) with { Fit = FitTable.Of(package.Manifest, fitter.Look(package, FitRules.Default)) })],
        Lanes = Lanes,
        Version = WorkerProcess.Version,
    };

    public IdleHeartbeat Beat() => new()
    {
        State = lifetime.ApplicationStopping.IsCancellationRequested ? "draining" : "idle",
        MemoryFreeBytes = device.FreeBytes,
        HostFreeBytes = device.HostFreeBytes,
        WarmModel = models.WarmModel,
    };

    public ClaimRequest Ask(Guid workerId) => new()
    {
        WorkerId = workerId,
        MemoryFreeBytes = device.FreeBytes,
        HostFreeBytes = device.HostFreeBytes,
        WarmModel = models.WarmModel,
    };
}
