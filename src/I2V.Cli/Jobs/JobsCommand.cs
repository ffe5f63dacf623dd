using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary><c>i2v jobs --status running</c>, and what can be done to one: <see cref="ManageJobCommands"/>.</summary>
internal static class JobsCommand
{
    public static Command Create()
    {
        var client = new ClientOptions();
        var status = new Option<string?>("--status") { Description = "Only jobs in this state.", HelpName = "STATUS" };
        status.AcceptOnlyFromAmong([.. Enum.GetValues<JobStatus>().Where(s => s != JobStatus.Unknown).Select(JobWords.Word)]);
        var limit = new Option<int>("--limit", "-n") { Description = "How many, 1 … 100.", HelpName = "N", DefaultValueFactory = _ => 20 };
        limit.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 100)
            {
                result.AddError("--limit must be 1 … 100.");
            }
        });
        var command = new Command("jobs", "List jobs, newest first, or change one. " + ClientCommand.ExitCodes);
        foreach (var change in ManageJobCommands.Create())
        {
            command.Add(change);
        }

        command.Add(status);
        command.Add(limit);
        command.SetClientAction(client, async (parsed, api, ct) =>
        {
            var jobs = await api.ListJobsAsync(parsed.GetValue(status), parsed.GetValue(limit), ct);
            await Console.Out.WriteAsync(parsed.GetValue(client.Json) ? JsonSerializer.Serialize(jobs, I2VJson.Options) + Environment.NewLine : Table(jobs.Data));
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Plain columns: easy to read, to grep and to cut.</summary>
    internal static string Table(IReadOnlyList<JobObject> jobs)
    {
        var lines = new List<string> { Row("JOB", "STATUS", "DONE", "CREATED", "PROMPT") };
        lines.AddRange(jobs.Select(job => Row(
            job.Id,
            job.StatusReason is "canceling" or "retrying" ? job.StatusReason : JobWords.Word(job.Status),
            Done(job),
            job.CreatedAt.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
            Short(job.Requested.Prompt))));
        return string.Concat(lines.Select(line => line.TrimEnd() + Environment.NewLine));
    }

    private static string Row(string id, string status, string done, string created, string prompt) =>
        $"{id,-36}  {status,-9}  {done,4}  {created,-19}  {prompt}";

    private static string Done(JobObject job) => job.Status switch
    {
        JobStatus.Succeeded => "100%",
        JobStatus.Running => string.Create(CultureInfo.InvariantCulture, $"{job.Progress?.Percent ?? 0:0}%"),
        _ => "",
    };

    /// <summary>One line of a table.</summary>
    private static string Short(string? prompt)
    {
        var line = Terminal.Plain(prompt ?? "");
        return line.Length <= 48 ? line : line[..47] + "…";
    }
}
