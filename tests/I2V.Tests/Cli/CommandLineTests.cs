using System.CommandLine;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.Cli.Models;
using I2V.Cli.Render;
using I2V.Protocol.Jobs;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli;

public sealed class CommandLineTests : IDisposable
{
    private static readonly RootCommand Root = new()
    {
        SubmitCommand.Create(), EstimateCommand.Create(), WatchCommand.Create(), JobsCommand.Create(), CancelCommand.Create(), RenderCommand.Create(), ModelsCommand.Create(),
    };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("submit PHOTO --frames x", "--frames must be a whole number; 'x' is not one.")]
    [InlineData("submit PHOTO --frames 1.5", "--frames must be a whole number; '1.5' is not one.")]
    [InlineData("render PHOTO --motion-amount NaN", "--motion-amount must be a number; 'NaN' is not one.")]
    [InlineData("submit PHOTO --timeout 0", "--timeout must be a number of seconds above 0.")]
    [InlineData("submit PHOTO --min-frames x", "--min-frames must be a whole number; 'x' is not one.")]
    [InlineData("estimate PHOTO --min-width 0", "--min-width must be at least 1.")]
    [InlineData("jobs --limit 101", "--limit must be 1 … 100.")]
    [InlineData("models build i2vgen-xl --tiny", "--tiny and --small are sizes of --random-weights SEED; a checkpoint has its own.")]
    [InlineData("models build i2vgen-xl --random-weights 1 --tiny --small", "--tiny and --small exclude each other.")]
    [InlineData("models build folder --random-weights 1", "--random-weights takes a family's name in place of the folder: i2vgen-xl; 'folder' is none.")]
    [InlineData("models build i2vgen-xl --random-weights -1", "--random-weights must be a whole number; '-1' is not one.")]
    [InlineData("models build folder --name My_Model", "--name must be 1 to 64 lower-case letters, digits, '.', '_' or '-', the first a letter or digit; 'My_Model' is not.")]
    [InlineData("models build folder --lora none.safetensors:0.5", "There is no file none.safetensors; --lora takes FILE or FILE:SCALE.")]
    [InlineData("models pull i2vgen-xl", "'i2vgen-xl' is not OWNER/NAME, such as ali-vilab/i2vgen-xl.")]
    [InlineData("submit missing.jpg", "There is no file missing.jpg.")]
    [InlineData("submit .", ". is a folder; name a picture.")]
    public void A_wrong_argument_is_told_in_one_sentence(string line, string sentence)
    {
        var photo = folder.File("photo.jpg");
        File.WriteAllText(photo, "");
        var parsed = Root.Parse(line.Replace("PHOTO", photo, StringComparison.Ordinal));
        Assert.Contains(sentence, parsed.Errors.Select(error => error.Message));
    }

    [Theory]
    [InlineData("submit")]
    [InlineData("watch")]
    [InlineData("cancel")]
    [InlineData("jobs --status sleeping")]
    [InlineData("render x.jpg --provider tpu")]
    [InlineData("submit x.jpg --nonsense")]
    [InlineData("submit x.jpg --policy shrink")]
    [InlineData("render x.jpg --policy wait")]
    [InlineData("models build")]
    [InlineData("models build folder --target cpu")]
    [InlineData("models pull owner/name --endpoint ftp://hub --accept-license")]
    public async Task Wrong_usage_has_its_exit_code(string line) =>
        Assert.Equal(ExitCode.Usage, await CommandRunner.RunAsync(Root, [.. line.Split(' ')]));

    [Theory]
    [InlineData("submit")]
    [InlineData("watch")]
    [InlineData("jobs")]
    [InlineData("cancel")]
    public void Help_documents_the_exit_codes(string command)
    {
        var description = Root.Subcommands.Single(c => c.Name == command).Description!;
        Assert.All((int[])[1, 2, 3, 4, 5, 6, 7, 130], code => Assert.Contains($"{code} ", description, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("--policy degrade", null)]
    [InlineData("--policy wait", FitPolicy.Wait)]
    [InlineData("--policy fail", FitPolicy.Fail)]
    public void The_policy_has_one_name_in_every_command(string given, FitPolicy? expected)
    {
        var fit = FitOptions.ForJobs();
        var command = new Command("any");
        fit.AddTo(command);

        Assert.Equal(expected, fit.Read(command.Parse(given))?.Policy);
        Assert.All((string[])["submit", "estimate", "render"], name => Assert.Superset(
            command.Options.Select(option => option.Name).ToHashSet(), Root.Subcommands.Single(c => c.Name == name).Options.Select(option => option.Name).ToHashSet()));
    }

    [Fact]
    public void Floors_go_with_the_policy_or_without_it()
    {
        var fit = FitOptions.ForJobs();
        var command = new Command("any");
        fit.AddTo(command);

        Assert.Equal(new JobFit { MinWidth = 256, MinHeight = 128, MinFrames = 8 }, fit.Read(command.Parse("--min-width 256 --min-height 128 --min-frames 8")));
    }

    [Fact]
    public void No_secret_is_an_option() =>
        Assert.DoesNotContain(Root.Subcommands.Concat(Root.Subcommands.SelectMany(c => c.Subcommands)).SelectMany(c => c.Options), option => option.Name is "--api-key" or "--key" or "--token");
}
