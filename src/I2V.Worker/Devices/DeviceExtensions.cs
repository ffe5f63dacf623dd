using I2V.Inference.Devices;
using I2V.Protocol.Workers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Devices;

internal static class DeviceExtensions
{
    public static void AddDevice(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(services => Device.Find(
            services.GetRequiredService<IOptions<WorkerOptions>>().Value, services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(services => DeviceLock.Take(OwnedBy(
            services.GetRequiredService<Device>(), services.GetRequiredService<IOptions<WorkerOptions>>().Value)));
        builder.Services.AddSingleton(services =>
        {
            // Nothing runs on a device that this process does not own, and a second process fails before it loads anything.
            services.GetRequiredService<DeviceLock>();
            return new DeviceThread();
        });
        builder.Services.AddHostedService<LostDeviceWatch>();
    }

    /// <summary>A GPU is owned on the whole machine, a name on the processor at one gateway: it would take a second worker of that name for the first's successor.</summary>
    private static string OwnedBy(Device device, WorkerOptions options) =>
        device.Kind == DeviceKind.Cuda ? device.Id : $"{device.Id} of {options.GatewayUrl.TrimEnd('/')}";
}
