using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;

namespace I2V.Cli.Jobs;

/// <summary><c>i2v cancel job_…</c></summary>
internal static class CancelCommand
{
    public static Command Create()
    {
        var client = new ClientOptions();
        var job = new Argument<string>("JOB") { Description = "The job's id, such as job_0199…." };
        var command = new Command("cancel", "Cancel a job. Prints canceled, canceling or already_finished. " + ClientCommand.ExitCodes);
        command.Add(job);
        command.SetClientAction(client, async (parsed, api, ct) =>
        {
            var answer = await api.CancelAsync(parsed.GetRequiredValue(job), ct);
            await Console.Out.WriteLineAsync(parsed.GetValue(client.Json) ? JsonSerializer.Serialize(answer, I2VJson.Options) : answer.Result);
            return ExitCode.Ok;
        });
        return command;
    }
}
