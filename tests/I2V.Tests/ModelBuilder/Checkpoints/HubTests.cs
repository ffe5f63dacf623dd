using I2V.Cli.Configuration;
using I2V.Cli.Models;
using I2V.Inference.Models;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints.Hub;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Checkpoints;

/// <summary>Against a hub of the tests' own, on loopback.</summary>
public sealed class HubTests : IDisposable
{
    private const string Weights = "vae/diffusion_pytorch_model.safetensors";

    private readonly TemporaryFolder folder = new();
    private readonly string remote;
    private readonly string local;

    public HubTests()
    {
        (remote, local) = (folder.File("remote"), folder.File("local"));
        TinyCheckpoint.WriteTexts(remote);
        foreach (var file in (string[])["text_encoder/model.safetensors", "image_encoder/model.safetensors", Weights, "unet/diffusion_pytorch_model-00001-of-00002.safetensors", "unet/diffusion_pytorch_model-00002-of-00002.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"])
        {
            TinyCheckpoint.Write(remote, file, string.Concat(Enumerable.Repeat(file, 1000)));
        }

        TinyCheckpoint.Write(remote, "unet/diffusion_pytorch_model.safetensors.index.json", "{}");
        TinyCheckpoint.Write(remote, "vae/diffusion_pytorch_model.bin", "a pickle");
        TinyCheckpoint.Write(remote, "assets/teaser.mp4", "a film");
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Only_what_a_package_is_made_from_is_fetched_and_all_of_it_is_whole()
    {
        await using var hub = await FakeHub.StartAsync(remote);

        await FetchAsync(hub);

        var here = Directory.EnumerateFiles(local, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(local, file)).ToHashSet();
        Assert.Equal(
            ["assets/teaser.mp4", "unet/diffusion_pytorch_model.fp16.safetensors", "vae/diffusion_pytorch_model.bin"],
            hub.Files.Keys.Where(file => !here.Contains(file)).Order(StringComparer.Ordinal));
        Assert.All(here, file => Assert.Equal(hub.Files[file], File.ReadAllBytes(Path.Combine(local, file))));
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_not_to_where_it_redirects()
    {
        await using var hub = await FakeHub.StartAsync(remote);

        await FetchAsync(hub, token: "secret");

        Assert.All(hub.Calls.Where(call => call.Server == "hub"), call => Assert.Equal("Bearer secret", call.Authorization));
        Assert.All(hub.Calls.Where(call => call.Server == "store"), call => Assert.Null(call.Authorization));
        Assert.Contains(hub.Calls, call => call.Server == "store");
    }

    [Fact]
    public async Task A_connection_that_breaks_is_gone_on_with_where_it_broke()
    {
        await using var hub = await FakeHub.StartAsync(remote);
        hub.BreaksAfter[Weights] = 1234;
        var seen = new List<DownloadProgress>();

        await FetchAsync(hub, progress: seen.Add);

        Assert.Equal([null, "bytes=1234-"], hub.Calls.Where(call => call is { Server: "store", Path: $"/{Weights}" }).Select(call => call.Range));
        Assert.Equal(hub.Files[Weights], await File.ReadAllBytesAsync(Path.Combine(local, Weights), Ct));
        Assert.Equal(seen.Select(progress => progress.Bytes).Order(), seen.Select(progress => progress.Bytes));
        Assert.Equal(seen[^1].TotalBytes, seen[^1].Bytes);
    }

    [Theory]
    [InlineData(true, "bytes=500-")]
    [InlineData(false, "bytes=500-")]
    public async Task A_later_run_goes_on_with_the_part_of_an_earlier_one(bool knowsRanges, string range)
    {
        await using var hub = await FakeHub.StartAsync(remote);
        hub.KnowsRanges = knowsRanges;
        TinyCheckpoint.Write(local, Weights + ".part", "");
        await File.WriteAllBytesAsync(Path.Combine(local, Weights + ".part"), hub.Files[Weights][..500], Ct);

        await FetchAsync(hub);
        await FetchAsync(hub); // what is whole is not fetched again

        Assert.Equal(range, Assert.Single(hub.Calls, call => call is { Server: "store", Path: $"/{Weights}" }).Range);
        Assert.Equal(hub.Files[Weights], await File.ReadAllBytesAsync(Path.Combine(local, Weights), Ct));
    }

    [Theory]
    [InlineData(Weights)]
    [InlineData("unet/config.json")]
    public async Task A_file_with_another_hash_is_refused_and_deleted(string damaged)
    {
        await using var hub = await FakeHub.StartAsync(remote);
        hub.Damaged.Add(damaged);

        var refusal = await Assert.ThrowsAsync<HubException>(() => FetchAsync(hub));

        Assert.Contains($"{damaged} of owner/name arrived with another hash", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.EnumerateFiles(local, "*", SearchOption.AllDirectories), file => file.Contains(damaged, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(401, null, "does not show owner/name at main without a token")]
    [InlineData(401, "secret", "does not accept the token of HF_TOKEN")]
    [InlineData(403, "secret", "accept the model's terms on its page")]
    [InlineData(404, "secret", "has no owner/name at main")]
    [InlineData(503, "secret", "answered 503")]
    public async Task A_refusal_is_one_sentence_that_says_what_to_do(int status, string? token, string why)
    {
        await using var hub = await FakeHub.StartAsync(remote);
        hub.Refusal = status;

        var refusal = await Assert.ThrowsAsync<HubException>(() => FetchAsync(hub, token));

        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listing_whose_paths_leave_the_folder_is_refused_as_a_whole()
    {
        await using var hub = await FakeHub.StartAsync(remote);
        hub.Files["unet/../../escape.safetensors"] = [1];

        var refusal = await Assert.ThrowsAsync<HubException>(() => FetchAsync(hub));

        Assert.Contains("not a plain path", refusal.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(local));
    }

    [Fact]
    public async Task Pull_makes_a_package_whose_networks_are_the_checkpoints()
    {
        TinyCheckpoint.WriteWhole(remote);
        Directory.EnumerateFiles(remote, "*0000*-of-*", SearchOption.AllDirectories).ToList().ForEach(File.Delete);
        File.Delete(Path.Combine(remote, "unet/diffusion_pytorch_model.safetensors.index.json"));
        await using var hub = await FakeHub.StartAsync(remote);

        var code = await CommandRunner.RunAsync(
            new System.CommandLine.RootCommand { ModelsCommand.Create() },
            ["models", "pull", "owner/name", "--endpoint", hub.Address.ToString(), "--checkpoint", local, "-o", folder.File("package"), "--target", "portable", "--accept-license", "--json"]);

        Assert.Equal(ExitCode.Ok, code);
        var manifest = ModelPackage.Open(folder.File("package")).Manifest;
        Assert.Equal(("mit", I2VGenXlConfigs.Tiny.Vae.ScalingFactor), (manifest.License, manifest.Latent!.Scaling));
    }

    [Theory]
    [InlineData("y", true)]
    [InlineData("n", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public async Task Nothing_is_fetched_under_a_licence_that_was_not_accepted(string? answer, bool accepted)
    {
        var found = new HubRepository("owner/name", FakeHub.Commit, "mit", []);
        using var input = answer is null ? null : new StringReader(answer + "\n");
        using var output = new StringWriter();

        var asked = LicenseQuestion.AskAsync(found, accepted: false, input, output);

        Assert.Equal(accepted, await Record.ExceptionAsync(() => asked) is null);
        Assert.Contains("under the licence mit", output.ToString(), StringComparison.Ordinal);
    }

    private async Task FetchAsync(FakeHub hub, string? token = null, Action<DownloadProgress>? progress = null)
    {
        using var client = new HubClient(hub.Address, token);
        var found = await client.ListAsync("owner/name", "main", Ct);
        await new HubDownload(client, TimeProvider.System, TimeSpan.FromMilliseconds(1))
            .RunAsync(found, found.Needed(I2VGenXl.Sources), local, progress is null ? null : new Listener(progress), Ct);
    }

    private sealed class Listener(Action<DownloadProgress> hear) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => hear(value);
    }
}
