using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Fleet;

/// <summary><c>i2v queues</c>, <c>i2v queues pause LANE</c> and <c>i2v queues resume LANE</c></summary>
internal static class QueuesCommand
{
    public static Command Create()
    {
        var client = new ClientOptions();
        var command = new Command("queues", "List lanes: what waits, what runs, who serves them. " + ClientCommand.ExitCodes);
        command.Add(Change("pause", "Keep everybody from starting jobs of a lane; what runs goes on. Needs a key with the scope admin."));
        command.Add(Change("resume", "Open a lane again. Needs a key with the scope admin."));
        command.SetClientAction(client, async (parsed, api, ct) =>
        {
            var queues = await api.ListQueuesAsync(ct);
            await Console.Out.WriteAsync(parsed.GetValue(client.Json) ? JsonSerializer.Serialize(queues, I2VJson.Options) + Environment.NewLine : Table(queues.Data));
            return ExitCode.Ok;
        });
        return command;
    }

    internal static string Table(IReadOnlyList<QueueObject> queues)
    {
        var lines = new List<string> { Row("LANE", "STATE", "WAITING", "OLDEST", "HELD", "RUNNING", "WORKERS") };
        lines.AddRange(queues.Select(queue => Row(
            queue.Lane,
            StateOf(queue),
            $"{queue.Depth}",
            queue.OldestSeconds is { } oldest ? JobWords.Seconds(oldest) : "",
            $"{queue.Held}",
            $"{queue.Running}",
            $"{queue.Workers}")));
        return string.Concat(lines.Select(line => line.TrimEnd() + Environment.NewLine));
    }

    private static string Row(string lane, string state, string waiting, string oldest, string held, string running, string workers) =>
        $"{lane,-32}  {state,-6}  {waiting,7}  {oldest,10}  {held,5}  {running,7}  {workers,7}";

    private static string StateOf(QueueObject queue) => queue.Paused ? "paused" : "open";

    private static Command Change(string action, string description)
    {
        var client = new ClientOptions();
        var lane = new Argument<string>("LANE") { Description = "As i2v queues lists it, such as i2v.lane.motion." };
        var command = new Command(action, description + " Prints paused or open. " + ClientCommand.ExitCodes);
        command.Add(lane);
        command.SetClientAction(client, async (parsed, api, ct) =>
            client.Print(parsed, await api.ChangeQueueAsync(parsed.GetRequiredValue(lane), action, ct), StateOf));
        return command;
    }
}
