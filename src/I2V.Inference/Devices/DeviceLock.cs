using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace I2V.Inference.Devices;

/// <summary>
/// A file lock that the kernel drops when the process dies, however it dies: two processes of one machine never use one
/// GPU. Its name is the GPU's uuid, so each MIG instance has its own. Containers see each other's locks only where they
/// share the folder for temporary files.
/// </summary>
public sealed class DeviceLock : IDisposable
{
    private readonly FileStream file;

    private DeviceLock(FileStream file) => this.file = file;

    /// <param name="owned">The GPU's uuid, or whatever else must have one owner.</param>
    /// <exception cref="DeviceException">Somebody has it already; the message names the process where it can be known.</exception>
    public static DeviceLock Take(string owned) => Take(Path.GetTempPath(), owned);

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
                DeviceError.Busy, $"The device {owned} already belongs to another process on this machine{HolderOf(path)}: stop that one, or choose another device.", error);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new DeviceException(DeviceError.Busy, $"The lock file {path} of the device {owned} may not be read; remove it, or run as its owner.", error);
        }
    }

    public void Dispose() => file.Dispose();

    // An earlier holder may have been another user's. In a shared temporary folder nobody may open a stranger's file for
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

    /// <summary>
    /// Who has the file open has the lock. Asked of the kernel, since a number written into a file may be a dead process's;
    /// of other users' processes it tells nothing.
    /// </summary>
    private static string HolderOf(string path)
    {
        var full = Path.GetFullPath(path);
        foreach (var process in Folders("/proc"))
        {
            if (int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && HasOpen(process, full))
            {
                return string.Create(CultureInfo.InvariantCulture, $" (process {id})");
            }
        }

        return "";
    }

    private static bool HasOpen(string process, string path)
    {
        try
        {
            return Directory.EnumerateFiles(Path.Combine(process, "fd")).Any(descriptor => new FileInfo(descriptor).LinkTarget == path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // another user's, or ended meanwhile
        }
    }

    private static IEnumerable<string> Folders(string path) => Directory.Exists(path) ? Directory.EnumerateDirectories(path) : [];
}
