using System.Security.Cryptography;
using System.Text;
using I2V.Protocol.Workers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Devices;

/// <summary>
/// A file lock that the kernel drops when the process dies, however it dies: two workers never share a GPU, and on the
/// processor never a name at the same gateway (the gateway would take the second for the first's successor).
/// </summary>
internal sealed class DeviceLock : IDisposable
{
    private readonly FileStream file;

    private DeviceLock(FileStream file) => this.file = file;

    public static DeviceLock Take(Device device, string gatewayUrl) => Take(
        Path.GetTempPath(),
        device.Kind == DeviceKind.Cuda ? device.Id : $"{device.Id} of {gatewayUrl.TrimEnd('/')}");

    internal static DeviceLock Take(string folder, string owned)
    {
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(owned)))[..16];
        var path = Path.Combine(folder, $"i2v-device-{name}.lock");
        try
        {
            return new DeviceLock(OpenOrCreate(path));
        }
        catch (IOException error)
        {
            throw new DeviceException(
                $"The device {owned} already belongs to another worker on this machine; stop that one or choose another Worker:DeviceIndex.", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new DeviceException($"The lock file {path} of the device {owned} may not be read; remove it, or run the worker as its owner.", error);
        }
    }

    // An earlier worker may have been another user's. In a shared temporary folder nobody may open a stranger's file for
    // creation or writing, but a lock needs no more than reading.
    private static FileStream OpenOrCreate(string path)
    {
        if (!File.Exists(path))
        {
            try
            {
                using var made = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(made.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
                }
            }
            catch (IOException) when (File.Exists(path))
            {
                // Somebody else made it in this moment.
            }
        }

        // FileShare.None is flock(LOCK_EX) on Unix, and the descriptor is not inherited by ffmpeg.
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None);
    }

    public void Dispose() => file.Dispose();
}

internal static class DeviceExtensions
{
    public static void AddDevice(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton(services => Device.Find(services.GetRequiredService<IOptions<WorkerOptions>>()));
        builder.Services.AddSingleton(services => DeviceLock.Take(
            services.GetRequiredService<Device>(), services.GetRequiredService<IOptions<WorkerOptions>>().Value.GatewayUrl));
        builder.Services.AddSingleton(services =>
        {
            // Nothing runs on a device that this process does not own, and a second process fails before it loads anything.
            services.GetRequiredService<DeviceLock>();
            return new DeviceThread();
        });
    }
}
