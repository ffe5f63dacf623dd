using I2V.Cli.Up;
using I2V.Tests.Inference;
using I2V.Worker.Devices;

namespace I2V.Tests.Worker;

public sealed class DeviceLockTests : IDisposable
{
    private const string Nobody = "65534";

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

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
