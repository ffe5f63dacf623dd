using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary><c>i2v submit photo.jpg --prompt "slow zoom in" --watch</c></summary>
internal sealed class SubmitCommand
{
    private const long MaxPhotoBytes = 20L << 20;

    private readonly ClientOptions client = new();
    private readonly SettingOptions settings = new();
    private readonly FitOptions fit = FitOptions.ForJobs();
    private readonly WatchOptions watching = new();
    private readonly Argument<FileInfo> photo = SettingOptions.Photo();
    private readonly Option<string?> model = new("--model", "-m") { Description = "Which model. Default: the gateway's.", HelpName = "NAME" };
    private readonly Option<int?> priority = new("--priority") { Description = "-10 … 10; higher goes first.", HelpName = "N" };
    private readonly Option<string?> idempotencyKey = new("--idempotency-key")
    {
        Description = "The same key and request give the same job, however often they are sent. Default: a new key.",
        HelpName = "KEY",
    };

    private readonly Option<bool> watch = new("--watch", "-w")
    {
        Description = "Show progress and download the film: to -o FILE, or to the photo's name with .mp4. Its path is the last line.",
    };

    public static Command Create()
    {
        var submit = new SubmitCommand();
        var command = new Command("submit", "Send a photo, get a film. " + ClientCommand.ExitCodes);
        command.Add(submit.photo);
        submit.settings.AddTo(command);
        submit.fit.AddTo(command);
        foreach (var option in (Option[])[submit.model, submit.priority, submit.idempotencyKey, submit.watch])
        {
            command.Add(option);
        }

        submit.watching.AddTo(command);
        command.SetClientAction(submit.client, submit.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, ApiClient api, CancellationToken ct)
    {
        var terminal = Terminal.ForProcess();
        var json = parsed.GetValue(client.Json);
        var output = parsed.GetValue(watching.Output);
        var watches = parsed.GetValue(watch) || output is not null;
        var file = parsed.GetRequiredValue(photo);
        CheckSize(file);
        if (output is not null)
        {
            FilmFile.CheckPlace(output);
        }

        var form = new SubmitForm(file, settings.Read(parsed), parsed.GetValue(model), parsed.GetValue(priority)) { Fit = fit.Read(parsed) };
        var key = parsed.GetValue(idempotencyKey) ?? $"cli-{Guid.NewGuid():N}";
        var job = await api.SubmitAsync(form.Build, key, terminal.Error.WriteLine, ct);
        if (!watches)
        {
            await AnnounceAsync(job, terminal, json);
            return ExitCode.Ok;
        }

        await terminal.Error.WriteLineAsync($"Submitted {job.Id}.");
        var path = output ?? FilmFile.DefaultPath(Directory.GetCurrentDirectory(), file.Name);
        return await watching.Create(parsed, api, terminal, json).RunAsync(job.Id, path, ct);
    }

    /// <summary>The gateway would refuse it too, but only after the upload.</summary>
    private static void CheckSize(FileInfo file)
    {
        if (file.Length > MaxPhotoBytes)
        {
            throw new CliException($"{file.Name} has {file.Length:#,0} bytes; a photo may have at most {MaxPhotoBytes:#,0} (20 MiB).", ExitCode.Usage);
        }
    }

    private static async Task AnnounceAsync(JobObject job, Terminal terminal, bool json)
    {
        foreach (var warning in job.Warnings)
        {
            await terminal.Error.WriteLineAsync("Note: " + warning.Message);
        }

        await terminal.Out.WriteLineAsync(json ? JsonSerializer.Serialize(job, I2VJson.Options) : job.Id);
        if (!json)
        {
            await terminal.Error.WriteLineAsync($"Watch it with: ./i2v watch {job.Id}");
        }
    }
}
