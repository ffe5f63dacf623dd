using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;

namespace I2V.Cli.Jobs;

/// <summary><c>i2v estimate photo.jpg --frames 24</c>: which cards could make the film, how and how fast, without a job.</summary>
internal sealed class EstimateCommand
{
    private readonly ClientOptions client = new();
    private readonly SettingOptions settings = new();
    private readonly FitOptions fit = FitOptions.ForJobs();
    private readonly Argument<FileInfo> photo = SettingOptions.Photo();
    private readonly Option<string?> model = new("--model", "-m") { Description = "Which model. Default: the gateway's.", HelpName = "NAME" };
    private readonly Option<int?> priority = new("--priority") { Description = "-10 … 10; higher goes first.", HelpName = "N" };

    public static Command Create()
    {
        var estimate = new EstimateCommand();
        var command = new Command("estimate", "Tell which workers could make a film, how and how fast; nothing is submitted. " + ClientCommand.ExitCodes);
        command.Add(estimate.photo);
        estimate.settings.AddTo(command);
        estimate.fit.AddTo(command);
        command.Add(estimate.model);
        command.Add(estimate.priority);
        command.SetClientAction(estimate.client, estimate.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, ApiClient api, CancellationToken ct)
    {
        var form = new SubmitForm(parsed.GetRequiredValue(photo), settings.Read(parsed), parsed.GetValue(model), parsed.GetValue(priority))
        {
            Fit = fit.Read(parsed),
        };
        var answer = await api.EstimateAsync(form.Build(), ct);
        var terminal = Terminal.ForProcess();
        if (parsed.GetValue(client.Json))
        {
            await terminal.Out.WriteLineAsync(JsonSerializer.Serialize(answer, I2VJson.Options));
            return ExitCode.Ok;
        }

        foreach (var line in EstimateText.Lines(answer))
        {
            await terminal.Out.WriteLineAsync(line);
        }

        return ExitCode.Ok;
    }
}
