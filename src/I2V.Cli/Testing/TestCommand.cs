using System.CommandLine;
using I2V.Cli.Configuration;
using I2V.Cli.Install;
using I2V.Cli.Up;

namespace I2V.Cli.Testing;

/// <summary><c>i2v test</c>: everything that a change must pass, with one line at the end.</summary>
internal static class TestCommand
{
    private static readonly Option<bool> Gpu = new("--gpu") { Description = "Only the suite that needs a GPU." };
    private static readonly Option<string?> Filter = new("--filter") { Description = "Only tests whose full name contains this; * matches anything." };
    private static readonly Option<bool> NoInstall = new("--no-install") { Description = "Fail instead of installing what is missing." };

    public static Command Create()
    {
        var command = new Command("test", "Build everything and run all tests against real servers. Ends with one line: N passed, M failed, K skipped.") { Gpu, Filter, NoInstall };
        command.SetAction((parsed, ct) => RunAsync(parsed.GetValue(Gpu), parsed.GetValue(Filter), !parsed.GetValue(NoInstall), ct));
        return command;
    }

    private static async Task<int> RunAsync(bool gpu, string? filter, bool install, CancellationToken ct)
    {
        var steps = new Steps(Console.Out, TimeProvider.System);
        await SystemPackages.EnsureAsync(SystemPackage.ForTests, install, steps, ct);
        var runtime = await OnnxRuntimeInstaller.ForCheckout(steps).EnsureAsync(gpu, install, ct);
        steps.Say($"ONNX Runtime is in {runtime.Folder}");
        await BuildAsync(steps, ct);

        var outcome = new TestOutcome();
        foreach (var suite in TestSuite.All())
        {
            steps.Say($"running {suite.Name}");
            outcome.Add(await suite.RunAsync(gpu, filter, runtime.Folder, ct));
        }

        foreach (var failure in outcome.Failures)
        {
            steps.Line($"{Environment.NewLine}FAILED {failure.Test}{Environment.NewLine}{failure.Message}");
        }

        if (outcome.Total == 0)
        {
            steps.Line(gpu ? "No test of the GPU suite exists or matches." : "No test matches.");
        }

        steps.Say("done");
        steps.Line(outcome.ClosingLine);
        return outcome.IsGood ? ExitCode.Ok : ExitCode.Failure;
    }

    private static async Task BuildAsync(Steps steps, CancellationToken ct)
    {
        steps.Say("building the solution");
        var build = await ToolProcess.RunAsync(
            Product.DotNet,
            ["build", "I2V.Distributed.sln", "-c", "Release", "-nologo", "-v", "quiet", "--disable-build-servers"],
            ct,
            workingFolder: Product.Root);
        if (build.ExitCode != 0)
        {
            throw new CliException($"{build.Output}{build.Error}The build failed, so no test ran.");
        }
    }
}
