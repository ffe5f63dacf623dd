using System.CommandLine;
using I2V.Cli.Client;

namespace I2V.Cli.Jobs;

/// <summary><c>i2v watch job_…</c></summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var client = new ClientOptions();
        var watching = new WatchOptions();
        var job = new Argument<string>("JOB") { Description = "The job's id, such as job_0199…." };
        var command = new Command(
            "watch",
            "Show a job's progress until it ends, then print where the film is: the file of -o, else its link. "
            + "Ctrl+C ends the watching, never the job. " + ClientCommand.ExitCodes);
        command.Add(job);
        watching.AddTo(command);
        command.SetClientAction(client, (parsed, api, ct) =>
        {
            var path = parsed.GetValue(watching.Output);
            if (path is not null)
            {
                FilmFile.CheckPlace(path);
            }

            return watching.Create(parsed, api, Terminal.ForProcess(), parsed.GetValue(client.Json)).RunAsync(parsed.GetRequiredValue(job), path, ct);
        });
        return command;
    }
}
