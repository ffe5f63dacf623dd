using System.Text.RegularExpressions;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.IntegrationTests.Webhooks;

namespace I2V.IntegrationTests.Docs;

/// <summary>The page's example is run as it is printed there, on a webhook that was really sent.</summary>
public sealed class WebhooksPageTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_example_accepts_what_was_sent_and_refuses_everything_else()
    {
        await using var lab = await HookLab.StartAsync();
        var endpoint = await lab.AddEndpointAsync();
        using var rotated = await lab.Client.PostAsync($"/v1/webhook-endpoints/{endpoint.Id}/rotate", null, Ct);
        await lab.CancelOneAsync();
        await lab.DeliveryAsync(delivery => delivery.Status == "delivered");
        var told = lab.Receiver.Told[0];

        Assert.Equal(2, told.Signatures.Count);
        Assert.Equal("genuine", await VerifyAsync(endpoint.Secret!, told));
        Assert.Equal("forged", await VerifyAsync("whsec_" + Convert.ToBase64String(new byte[32]), told));
        Assert.Equal("forged", await VerifyAsync(endpoint.Secret!, told with { Id = "msg_other" }));
        Assert.Equal("forged", await VerifyAsync(endpoint.Secret!, told with { Body = [.. told.Body, (byte)' '] }));
        var old = told with { Timestamp = "1614265330" };
        Assert.Equal("forged", await VerifyAsync(endpoint.Secret!, old with { Signature = old.SignatureBy(endpoint.Secret!) }));
    }

    private static async Task<string> VerifyAsync(string secret, Told told)
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Product.Root, "docs/webhooks.md"), Ct);
        var match = Regex.Match(page, @"<!-- test: verify -->\s*```bash\n(.*?)```", RegexOptions.Singleline);
        Assert.True(match.Success, "docs/webhooks.md has no block for verify.");
        var folder = TestFolder.Create("webhook");
        await File.WriteAllBytesAsync(Path.Combine(folder, "body"), told.Body, Ct);
        var script = $"secret='{secret}' id='{told.Id}' timestamp='{told.Timestamp}' signature='{told.Signature}'\n{match.Groups[1].Value}";

        var run = await ToolProcess.RunAsync("bash", ["-euo", "pipefail", "-c", script], Ct, workingFolder: folder);

        var said = run.Output.Trim();
        Assert.True(run.ExitCode == (said == "genuine" ? 0 : 1), run.Error);
        return said;
    }
}
