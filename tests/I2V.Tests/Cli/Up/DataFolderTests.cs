using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli.Up;

public sealed partial class DataFolderTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryFolder folder = new();
    private readonly StringWriter said = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private Steps Steps => new(said, TimeProvider.System);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_with_other_files_is_refused_and_left_alone()
    {
        File.WriteAllText(folder.File("thesis.txt"), "mine");
        var error = Assert.Throws<CliException>(() => new DataFolder(folder.Path).Create());
        Assert.Contains("holds other files", error.Message, StringComparison.Ordinal);
        Assert.Equal([folder.File("thesis.txt")], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void The_lock_is_held_once_and_names_its_process()
    {
        var data = new DataFolder(folder.File("data"));
        data.Create();
        using (data.Lock())
        {
            var error = Assert.Throws<CliException>(() => data.Lock());
            Assert.Contains($"(process {Environment.ProcessId})", error.Message, StringComparison.Ordinal);
        }

        using var again = data.TryLock();
        Assert.NotNull(again);
    }

    [Fact]
    public async Task Ports_and_secrets_are_made_once_and_readable_by_their_owner_only()
    {
        var file = folder.File("stack.json");
        var first = await StackSettings.LoadAsync(file, Steps, Ct);
        var second = await StackSettings.LoadAsync(file, Steps, Ct);
        Assert.Equal(first, second);
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(file));
        Assert.Equal(4, new HashSet<int> { first.PostgresPort, first.RabbitMqPort, first.RabbitMqDistributionPort, first.RabbitMqNameServicePort }.Count);
    }

    [Fact]
    public async Task A_port_that_another_program_took_moves_and_the_others_stay()
    {
        var file = folder.File("stack.json");
        var before = await StackSettings.LoadAsync(file, Steps, Ct);
        using var thief = new TcpListener(IPAddress.Loopback, before.RabbitMqPort);
        thief.Start();

        var after = await StackSettings.LoadAsync(file, Steps, Ct);

        Assert.NotEqual(before.RabbitMqPort, after.RabbitMqPort);
        Assert.Equal(before, after with { RabbitMqPort = before.RabbitMqPort });
        Assert.Contains($"port {before.RabbitMqPort} of RabbitMQ is taken by another program; it moves to {after.RabbitMqPort}", said.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damaged_settings_are_told_in_one_sentence()
    {
        var file = folder.File("stack.json");
        await File.WriteAllTextAsync(file, "{", Ct);
        var error = await Assert.ThrowsAsync<CliException>(() => StackSettings.LoadAsync(file, Steps, Ct));
        Assert.Contains("is damaged", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_private_file_replaces_an_open_one()
    {
        var file = folder.File("client.json");
        await File.WriteAllTextAsync(file, "old", Ct);
        await ClientFile.WriteAsync(file, "http://127.0.0.1:1", "key", Ct);
        Assert.Equal("""{"url":"http://127.0.0.1:1","api_key":"key"}""", (await File.ReadAllTextAsync(file, Ct)).Trim());
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(file));
    }

    [Fact]
    public void Keys_have_the_agreed_form_and_are_new_each_time()
    {
        Assert.Matches(KeyForm(), Secrets.ApiKey());
        Assert.NotEqual(Secrets.ApiKey(), Secrets.ApiKey());
        Assert.Equal(32, Convert.FromBase64String(Secrets.SigningKey()).Length);
    }

    [Fact]
    public void The_logs_of_the_last_run_are_kept_beside_the_new_ones()
    {
        File.WriteAllText(folder.File("gateway.log"), "second");
        File.WriteAllText(folder.File("gateway.log.1"), "first");
        LogTail.Rotate(folder.Path);
        Assert.False(File.Exists(folder.File("gateway.log")));
        Assert.Equal("second", File.ReadAllText(folder.File("gateway.log.1")));
    }

    [Fact]
    public void The_end_of_a_log_is_its_last_twenty_lines()
    {
        File.WriteAllLines(folder.File("x.log"), Enumerable.Range(1, 5000).Select(i => $"line {i}"));
        var tail = LogTail.Of(folder.File("x.log"));
        Assert.Contains("line 5000", tail, StringComparison.Ordinal);
        Assert.Contains("line 4981", tail, StringComparison.Ordinal);
        Assert.DoesNotContain("line 4980", tail, StringComparison.Ordinal);
    }

    [GeneratedRegex("^i2v_live_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43}$")]
    private static partial Regex KeyForm();
}
