using System.Globalization;
using System.Net;
using System.Net.Sockets;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;

namespace I2V.IntegrationTests.Up;

/// <summary>What cannot work is said in one sentence, before anything is started or written.</summary>
public sealed class UpRefusalTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_busy_port_that_was_asked_for_is_refused()
    {
        var data = Path.Combine(TestFolder.Create("refused"), "data");
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);

        var (code, said) = await UpProcess.RunAsync("up", "--no-install", "--data", data, "--port", port);

        Assert.Equal(ExitCode.Failure, code);
        Assert.Equal($"Port {port} on 127.0.0.1 is taken by another program: stop it, or choose another with `--port`.", said.Trim());
    }

    [Fact]
    public async Task A_port_that_is_stolen_while_the_database_starts_is_said_before_the_gateway_starts()
    {
        var data = Path.Combine(TestFolder.Create("refused"), "data");
        var port = FreePorts.Pick();
        await using var up = await UpProcess.StartUpAsync(data, "--port", port.ToString(CultureInfo.InvariantCulture));
        await up.SaysAsync("making the database");
        using var thief = new TcpListener(IPAddress.Loopback, port);
        thief.Start();

        Assert.Equal(ExitCode.Failure, await up.EndsAsync());

        await up.SaysAsync($"(?m)^Port {port} on 127.0.0.1 is taken by another program: stop it, or choose another with `--port`\\.$");
        Assert.DoesNotContain("gateway", up.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_the_servers_users_cannot_enter_is_named_with_its_remedy()
    {
        var closed = Path.Combine(TestFolder.Create("refused"), "closed");
        Directory.CreateDirectory(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var data = Path.Combine(closed, "data");

        if (!Environment.IsPrivilegedProcess)
        {
            // The servers run as the user, who can enter.
            await ServerAccount.EnsureServersCanEnterAsync(data, Ct);
            return;
        }

        var (code, said) = await UpProcess.RunAsync("up", "--no-install", "--data", data);

        Assert.Equal(ExitCode.Failure, code);
        Assert.Contains($"other users cannot enter {closed}: choose another place with `--data /var/lib/i2v`, or allow it with `chmod o+x {closed}`.", said, StringComparison.Ordinal);
        Assert.Single(said.Trim().Split('\n'));
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task A_folder_of_other_files_is_neither_used_nor_removed()
    {
        var folder = TestFolder.Create("refused");
        var file = Path.Combine(folder, "thesis.txt");
        await File.WriteAllTextAsync(file, "mine", Ct);

        var up = await UpProcess.RunAsync("up", "--no-install", "--data", folder);
        var down = await UpProcess.RunAsync("down", "--purge", "--data", folder);

        Assert.Equal((ExitCode.Failure, $"{folder} holds other files: choose an empty or a new folder with `--data`."), (up.ExitCode, up.Output.Trim()));
        Assert.Equal((ExitCode.Failure, $"{folder} holds no data of `i2v up`; name the folder with `--data`."), (down.ExitCode, down.Output.Trim()));
        Assert.Equal("mine", await File.ReadAllTextAsync(file, Ct));
    }

    [Theory]
    [InlineData("up --workers 0", "--workers must be 1 … 64.")]
    [InlineData("up --port 65536", "--port must be 1 … 65535.")]
    [InlineData("up --storage tape", "tape")]
    [InlineData("up --storage s3 --s3-endpoint http://127.0.0.1:1", "`--storage s3` needs `--s3-access-key` (or I2V_S3_ACCESS_KEY).")]
    [InlineData("up --storage s3", "`--storage s3` needs `--s3-endpoint` (or I2V_S3_ENDPOINT).")]
    public async Task Wrong_usage_is_told_with_its_exit_code(string line, string sentence)
    {
        var (code, said) = await UpProcess.RunAsync(line.Split(' '));
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(sentence, said, StringComparison.Ordinal);
    }
}
