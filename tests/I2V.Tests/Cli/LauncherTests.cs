using I2V.Cli.Up;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli;

/// <summary>The script <c>./i2v</c>, with an SDK that only says what it was asked.</summary>
public sealed class LauncherTests : IDisposable
{
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("8.0.404 [/usr/share/dotnet/sdk]")]
    public async Task Without_the_right_sdk_the_one_command_that_installs_it_is_told(string? otherSdk)
    {
        var sdk = Directory.CreateDirectory(folder.File("sdk")).FullName;
        if (otherSdk is not null)
        {
            WriteScript(Path.Combine(sdk, "dotnet"), $"echo '{otherSdk}'");
        }

        var run = await RunAsync(Checkout(), new() { ["PATH"] = ToolsWithoutDotNet(), ["DOTNET_ROOT"] = sdk });

        Assert.Equal(1, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Matches(@"^The \.NET 10 SDK is missing\. This installs it: \S[^\n]+\n$", run.Error);
    }

    [Fact]
    public async Task A_first_run_says_that_it_builds_and_a_second_one_only_runs()
    {
        var checkout = Checkout();
        var variables = Sdk("mkdir -p artifacts/bin/I2V.Cli/release; seq 1000; touch artifacts/bin/I2V.Cli/release/I2V.Cli.dll");

        var first = await RunAsync(checkout, variables);
        Assert.Matches(@"^Building the product \(a first build also restores its packages\) \.\.\.\nBuilt in \d+ s\.\n$", first.Error);
        Assert.Equal($"ran {checkout}/artifacts/bin/I2V.Cli/release/I2V.Cli.dll doctor --json\n", first.Output);

        var second = await RunAsync(checkout, variables);
        Assert.Equal((first.Output, ""), (second.Output, second.Error));

        var source = Path.Combine(checkout, "src", "Program.cs");
        File.SetLastWriteTimeUtc(source, File.GetLastWriteTimeUtc(Path.Combine(checkout, "artifacts", "i2v.built")).AddSeconds(1));
        Assert.StartsWith("Building the product", (await RunAsync(checkout, variables)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_build_shows_what_it_said_and_runs_nothing()
    {
        var run = await RunAsync(Checkout(), Sdk("echo 'Program.cs(1,1): error CS1002: ; expected'; exit 3"));

        Assert.Equal(1, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Matches(@"error CS1002: ; expected\nThe build failed after \d+ s; what it said is above\.\n$", run.Error);
    }

    private static Task<ToolResult> RunAsync(string checkout, Dictionary<string, string> variables) =>
        ToolProcess.RunAsync("/bin/bash", [Path.Combine(checkout, "i2v"), "doctor", "--json"], Ct, environment: variables);

    private static void WriteScript(string file, string commands)
    {
        File.WriteAllText(file, "#!/bin/bash\n" + commands + "\n");
        File.SetUnixFileMode(file, Executable);
    }

    /// <summary>The script among the files that it looks at.</summary>
    private string Checkout()
    {
        var checkout = Directory.CreateDirectory(folder.File("checkout")).FullName;
        File.Copy(Path.Combine(Product.Root, "i2v"), Path.Combine(checkout, "i2v"));
        Directory.CreateDirectory(Path.Combine(checkout, "src"));
        foreach (var name in (string[])["src/Program.cs", "Directory.Build.props", "BannedSymbols.txt", "global.json", "I2V.Product.slnf"])
        {
            File.WriteAllText(Path.Combine(checkout, name), "");
        }

        return checkout;
    }

    private Dictionary<string, string> Sdk(string build)
    {
        var sdk = Directory.CreateDirectory(folder.File("sdk")).FullName;
        WriteScript(Path.Combine(sdk, "dotnet"), $"case $1 in --list-sdks) echo '10.0.100 [/sdk]' ;; build) {build} ;; *) echo \"ran $*\" ;; esac");
        return new() { ["PATH"] = sdk + ":" + Environment.GetEnvironmentVariable("PATH") };
    }

    private string ToolsWithoutDotNet()
    {
        var tools = Directory.CreateDirectory(folder.File("tools")).FullName;
        foreach (var name in (string[])["bash", "readlink", "dirname", "grep", "id", "uname", "find"])
        {
            File.CreateSymbolicLink(Path.Combine(tools, name), ToolProcess.Find(name)!);
        }

        return tools;
    }
}
