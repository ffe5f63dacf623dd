using System.Globalization;
using I2V.Cli.Up;
using I2V.Inference.Devices;

namespace I2V.Tests.Inference.Devices;

public sealed class DeviceLockTests : IDisposable
{
    private const string Nobody = "65534";

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Two_processes_never_own_one_device_and_the_refusal_names_the_first()
    {
        var first = DeviceLock.Take(folder.Path, "GPU-1");

        var refusal = Assert.Throws<DeviceException>(() => DeviceLock.Take(folder.Path, "GPU-1"));

        Assert.Equal(DeviceError.Busy, refusal.Error);
        Assert.Equal(
            string.Create(CultureInfo.InvariantCulture, $"The device GPU-1 already belongs to another process on this machine (process {Environment.ProcessId}): stop that one, or choose another device."),
            refusal.Message);
        first.Dispose();
        DeviceLock.Take(folder.Path, "GPU-1").Dispose();
    }

    [Fact]
    public void Each_mig_instance_has_its_own_lock()
    {
        using var whole = DeviceLock.Take(folder.Path, "GPU-1");
        using var one = DeviceLock.Take(folder.Path, "MIG-1");
        using var two = DeviceLock.Take(folder.Path, "MIG-2");

        Assert.Equal(DeviceError.Busy, Assert.Throws<DeviceException>(() => DeviceLock.Take(folder.Path, "MIG-2")).Error);
    }

    [Fact]
    public async Task Another_user_can_take_a_device_that_was_given_back_and_no_other()
    {
        File.SetUnixFileMode(folder.Path, (UnixFileMode)Convert.ToInt32("755", 8));
        string file;
        using (DeviceLock.Take(folder.Path, "vm/cuda-0"))
        {
            file = Assert.Single(Directory.GetFiles(folder.Path));
            Assert.Equal(1, await LockAsSomebodyElseAsync(file));
        }

        Assert.Equal(0, await LockAsSomebodyElseAsync(file));
    }

    /// <summary>The exit code of flock: 1 where the file is locked. Only root can really be somebody else.</summary>
    private static async Task<int> LockAsSomebodyElseAsync(string file)
    {
        string[] user = Environment.IsPrivilegedProcess ? ["--reuid", Nobody, "--regid", Nobody, "--clear-groups"] : [];
        var run = await ToolProcess.RunAsync("setpriv", [.. user, "--", "flock", "--nonblock", file, "true"], Ct);
        return run.ExitCode;
    }
}
