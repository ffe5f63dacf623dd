using System.Text.Json;
using System.Text.RegularExpressions;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.IntegrationTests.Up;

namespace I2V.IntegrationTests.Docs;

/// <summary>The commands of the README are run as they are printed there.</summary>
public sealed class ReadmeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_command_of_the_readme_does_what_it_says()
    {
        var checkout = Checkout();
        await using var up = await UpProcess.UpAsync(Path.Combine(checkout, ".i2v"));

        var submitted = await RunAsync(checkout, Block("submit"));
        Assert.Equal(Path.Combine(checkout, "lighthouse.mp4"), Path.GetFullPath(submitted.Trim().Split('\n')[^1], checkout));
        Assert.True(Film.IsMp4(await File.ReadAllBytesAsync(Path.Combine(checkout, "lighthouse.mp4"), Ct)));

        using var answered = JsonDocument.Parse(await RunAsync(checkout, Block("curl")));
        Assert.Equal("succeeded", answered.RootElement.GetProperty("status").GetString());

        await RunAsync(checkout, Block("render"));
        Assert.True(Film.IsMp4(await File.ReadAllBytesAsync(Path.Combine(checkout, "clip.mp4"), Ct)));
    }

    [Fact]
    public async Task A_package_without_a_checkpoint_is_built_shown_verified_and_rendered_with_as_the_models_page_says()
    {
        var checkout = Checkout();

        var said = await RunAsync(checkout, Block("tiny", "docs/models.md"));

        Assert.Contains("family i2vgen-xl", said, StringComparison.Ordinal);
        Assert.Contains("/tiny is whole.", said, StringComparison.Ordinal);
        Assert.True(Film.IsMp4(await File.ReadAllBytesAsync(Path.Combine(checkout, "noise.mp4"), Ct)));
    }

    [Fact]
    public void Every_link_of_the_documents_leads_to_a_file()
    {
        foreach (var document in (string[])["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/operating.md", "docs/models.md", "docs/webhooks.md", "docs/measurements/README.md"])
        {
            var folder = Path.GetDirectoryName(Path.Combine(Product.Root, document))!;
            var links = Regex.Matches(File.ReadAllText(Path.Combine(Product.Root, document)), @"\]\((?!https?:)([^)#]+)")
                .Select(match => match.Groups[1].Value);
            Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(folder, link)), $"{document} links to {link}, which does not exist."));
        }
    }

    [Fact]
    public void Every_file_that_the_architecture_names_exists()
    {
        var names = Regex.Matches(File.ReadAllText(Path.Combine(Product.Root, "ARCHITECTURE.md")), @"`((?:Gateway|Worker|Inference|Media|Protocol)/[A-Za-z/]+\.cs)`")
            .Select(match => match.Groups[1].Value)
            .ToList();

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.True(File.Exists(Path.Combine(Product.Root, "src", "I2V." + name)), $"ARCHITECTURE.md names {name}, which does not exist."));
    }

    [Fact]
    public void Every_test_that_the_failure_table_names_exists()
    {
        var table = File.ReadAllText(Path.Combine(Product.Root, "ARCHITECTURE.md")).Split("## When something breaks")[1].Split("\n## ")[0];
        var names = Regex.Matches(table, "`([A-Z][A-Za-z]+Tests)`").Select(match => match.Groups[1].Value).Distinct().ToList();
        var files = Directory.EnumerateFiles(Path.Combine(Product.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(Path.GetFileNameWithoutExtension).ToHashSet();

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Contains(name, files));
    }

    /// <summary>A folder that looks like a checkout, to start a stack in and to leave films in.</summary>
    private static string Checkout()
    {
        var checkout = TestFolder.Create("checkout");
        foreach (var name in (string[])["i2v", "docs"])
        {
            Path.Combine(checkout, name).LinkTo(Path.Combine(Product.Root, name));
        }

        return checkout;
    }

    /// <summary>The shell block that follows <c>&lt;!-- test: NAME --&gt;</c>.</summary>
    private static string Block(string name, string document = "README.md")
    {
        var match = Regex.Match(File.ReadAllText(Path.Combine(Product.Root, document)), $@"<!-- test: {name} -->\s*```bash\n(.*?)```", RegexOptions.Singleline);
        Assert.True(match.Success, $"{document} has no block for {name}.");
        return match.Groups[1].Value;
    }

    private static async Task<string> RunAsync(string folder, string script)
    {
        var run = await ToolProcess.RunAsync("bash", ["-euo", "pipefail", "-c", script], Ct, workingFolder: folder);
        Assert.True(run.ExitCode == 0, $"{script}\nended with {run.ExitCode}:\n{run.Output}\n{run.Error}");
        return run.Output;
    }
}

file static class Links
{
    public static void LinkTo(this string link, string target)
    {
        if (Directory.Exists(target))
        {
            Directory.CreateSymbolicLink(link, target);
        }
        else
        {
            File.CreateSymbolicLink(link, target);
        }
    }
}
