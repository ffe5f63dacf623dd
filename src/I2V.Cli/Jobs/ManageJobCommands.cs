using System.CommandLine;
using I2V.Cli.Client;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary><c>i2v jobs hold|release|priority|retry|finalize job_…</c></summary>
internal static class ManageJobCommands
{
    public static IEnumerable<Command> Create() =>
    [
        Patch("hold", "Keep a waiting job from being started. Its deadlines go on.", new JobPatch { Hold = true }),
        Patch("release", "Let a held job go: it waits where it stood.", new JobPatch { Hold = false }),
        Priority(),
        Again("retry", "Make a new job of one that failed, was canceled or expired: the same request, picture and seed. Prints its id."),
        Finalize(),
    ];

    private static Command Patch(string name, string description, JobPatch patch)
    {
        var (command, job, client) = New(name, description + " Prints the job's status.");
        command.SetClientAction(client, async (parsed, api, ct) =>
            client.Print(parsed, await api.PatchJobAsync(parsed.GetRequiredValue(job), patch, ct), changed => JobWords.Word(changed.Status)));
        return command;
    }

    private static Command Priority()
    {
        var (command, job, client) = New("priority", "Change the priority of a waiting job. Prints the new one.");
        var priority = new Argument<int>("PRIORITY") { Description = "-10 … 10; higher runs first. A tenant may have less." };
        command.Add(priority);
        command.SetClientAction(client, async (parsed, api, ct) =>
        {
            var patch = new JobPatch { Priority = parsed.GetRequiredValue(priority) };
            return client.Print(parsed, await api.PatchJobAsync(parsed.GetRequiredValue(job), patch, ct), changed => FormattableString.Invariant($"{changed.Priority}"));
        });
        return command;
    }

    private static Command Again(string name, string description)
    {
        var (command, job, client) = New(name, description);
        command.SetClientAction(client, async (parsed, api, ct) =>
            client.Print(parsed, await api.RetryJobAsync(parsed.GetRequiredValue(job), ct), made => made.Id));
        return command;
    }

    private static Command Finalize()
    {
        var (command, job, client) = New("finalize", "Make the film of a job again with the same seed at a higher preset. Prints the new job's id.");
        var preset = new Option<string?>("--preset") { Description = "A preset with more steps than the job took; final unless named.", HelpName = "PRESET" };
        command.Add(preset);
        command.SetClientAction(client, async (parsed, api, ct) =>
            client.Print(parsed, await api.FinalizeJobAsync(parsed.GetRequiredValue(job), new FinalizeRequest { Preset = parsed.GetValue(preset) }, ct), made => made.Id));
        return command;
    }

    private static (Command Command, Argument<string> Job, ClientOptions Client) New(string name, string description)
    {
        var job = new Argument<string>("JOB") { Description = "The job's id, such as job_0199…." };
        var command = new Command(name, description + " " + ClientCommand.ExitCodes);
        command.Add(job);
        return (command, job, new ClientOptions());
    }
}
