using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Protocol;
using I2V.Protocol.Workers;

namespace I2V.Cli.Fleet;

/// <summary><c>i2v workers</c>, <c>i2v workers drain ID</c> and <c>i2v workers resume ID</c></summary>
internal static class WorkersCommand
{
    public static Command Create()
    {
        var client = new ClientOptions();
        var command = new Command("workers", "List workers: what they are, what they do. " + ClientCommand.ExitCodes);
        command.Add(Change("drain", "Let a worker finish its job and give it no further one. Needs a key with the scope admin."));
        command.Add(Change("resume", "Take a drain back. Needs a key with the scope admin."));
        command.SetClientAction(client, async (parsed, api, ct) =>
        {
            var workers = await api.ListWorkersAsync(ct);
            await Console.Out.WriteAsync(parsed.GetValue(client.Json) ? JsonSerializer.Serialize(workers, I2VJson.Options) + Environment.NewLine : Table(workers.Data));
            return ExitCode.Ok;
        });
        return command;
    }

    internal static string Table(IReadOnlyList<WorkerObject> workers)
    {
        var lines = new List<string> { Row("WORKER", "STATE", "NAME", "MODELS", "JOB") };
        lines.AddRange(workers.Select(worker => Row($"{worker.Id}", worker.State, Terminal.Plain(worker.Name), Terminal.Plain(string.Join(',', worker.Models)), worker.CurrentJob ?? "")));
        return string.Concat(lines.Select(line => line.TrimEnd() + Environment.NewLine));
    }

    private static string Row(string id, string state, string name, string models, string job) =>
        $"{id,-36}  {state,-8}  {name,-24}  {models,-24}  {job}";

    private static Command Change(string action, string description)
    {
        var client = new ClientOptions();
        var id = new Argument<Guid>("WORKER") { Description = "The worker's id, as i2v workers lists it." };
        var command = new Command(action, description + " Prints the worker's state. " + ClientCommand.ExitCodes);
        command.Add(id);
        command.SetClientAction(client, async (parsed, api, ct) =>
            client.Print(parsed, await api.ChangeWorkerAsync(parsed.GetRequiredValue(id), action, ct), worker => worker.State));
        return command;
    }
}
