using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli;

public sealed class ClientSettingsTests : IDisposable
{
    private static readonly ClientFlags NoFlags = new(Url: null, ApiKeyFile: null);

    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, string> environment = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_nearest_file_upwards_wins_over_the_checkouts_and_the_users()
    {
        Write("work/.i2v/client.json", "http://near:1", "near-key");
        Write("checkout/.i2v/client.json", "http://checkout:1", "checkout-key");
        Write("config/i2v/config.json", "http://user:1", "user-key");

        Assert.Equal("near-key", Find("work/photos/2026").ApiKey);
        Assert.Equal("checkout-key", Find("elsewhere").ApiKey);
        File.Delete(folder.File("checkout/.i2v/client.json"));
        Assert.Equal(new ClientSettings(new Uri("http://user:1/"), "user-key"), Find("elsewhere"));
    }

    [Fact]
    public void The_environment_wins_over_the_file_and_a_flag_over_both()
    {
        Write("work/.i2v/client.json", "http://file:1", "file-key");
        environment["I2V_URL"] = "http://environment:1";
        environment["I2V_API_KEY"] = "environment-key";
        Assert.Equal(new ClientSettings(new Uri("http://environment:1/"), "environment-key"), Find("work"));

        File.WriteAllText(folder.File("key"), "flag-key\n");
        var flags = new ClientFlags("https://flag/", folder.File("key"));
        Assert.Equal(new ClientSettings(new Uri("https://flag/"), "flag-key"), Find("work", flags));
    }

    [Fact]
    public void A_files_key_is_not_sent_to_another_gateway()
    {
        Write("work/.i2v/client.json", "http://mine:1", "my-key");
        Assert.Equal("my-key", Find("work", new ClientFlags("http://mine:1", null)).ApiKey);

        var refusal = Assert.Throws<CliException>(() => Find("work", new ClientFlags("http://theirs:1", null)));
        Assert.Equal(ExitCode.Unauthorized, refusal.ExitCode);
    }

    [Fact]
    public void Nothing_at_all_says_what_to_start()
    {
        var refusal = Assert.Throws<CliException>(() => Find("work"));
        Assert.Equal(ExitCode.Usage, refusal.ExitCode);
        Assert.Contains("./i2v up", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost:8080")]
    [InlineData("file:///etc/passwd")]
    [InlineData("")]
    public void What_is_no_address_is_refused(string url)
    {
        Write("work/.i2v/client.json", url, "key");
        Assert.Equal(ExitCode.Usage, Assert.Throws<CliException>(() => Find("work")).ExitCode);
    }

    [Fact]
    public void A_damaged_file_is_named()
    {
        Write("work/.i2v/client.json", "http://x:1", "key");
        File.WriteAllText(folder.File("work/.i2v/client.json"), "{");
        Assert.Contains("client.json", Assert.Throws<CliException>(() => Find("work")).Message, StringComparison.Ordinal);
    }

    private ClientSettings Find(string from, ClientFlags? flags = null)
    {
        Directory.CreateDirectory(folder.File(from));
        var finder = new ClientSettingsFinder(
            name => environment.GetValueOrDefault(name), folder.File(from), folder.File("checkout"), folder.File("config"));
        return finder.Find(flags ?? NoFlags);
    }

    private void Write(string file, string url, string key)
    {
        var path = folder.File(file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $$"""{"url": "{{url}}", "api_key": "{{key}}"}""");
    }
}
