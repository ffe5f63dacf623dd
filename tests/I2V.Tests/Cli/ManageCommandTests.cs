using System.Net;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Fleet;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Tests.Worker;

namespace I2V.Tests.Cli;

public sealed class ManageCommandTests
{
    private readonly ManualTimeProvider time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_names_only_what_is_to_change()
    {
        var server = new FakeServer(_ => FakeServer.Json(JobSamples.Job(JobStatus.Held)));
        using var api = new ApiClient(server.Client(), time);

        await api.PatchJobAsync(JobSamples.Id, new JobPatch { Hold = false }, Ct);
        await api.PatchJobAsync(JobSamples.Id, new JobPatch { Priority = -3 }, Ct);
        await api.FinalizeJobAsync(JobSamples.Id, new FinalizeRequest(), Ct);

        Assert.Equal("""{"hold":false}""", (await server.NextAsync()).Body);
        Assert.Equal("""{"priority":-3}""", (await server.NextAsync()).Body);
        Assert.Equal("{}", (await server.NextAsync()).Body);
    }

    [Fact]
    public async Task A_change_that_comes_too_late_is_a_failure_in_the_gateways_words()
    {
        var problem = new Problem { Title = "Conflict", Status = 409, Code = ErrorCode.Conflict, Retryable = false, Detail = "The job is running." };
        using var api = new ApiClient(new FakeServer(_ => FakeServer.Json(problem, HttpStatusCode.Conflict)).Client(), time);

        var error = await Assert.ThrowsAsync<ApiException>(() => api.PatchJobAsync(JobSamples.Id, new JobPatch { Hold = true }, Ct));

        Assert.Equal((ExitCode.Failure, "The job is running."), (error.ExitCode, error.Message));
    }

    [Fact]
    public void Lanes_are_plain_columns()
    {
        var open = new QueueObject { Lane = "i2v.lane.motion", Depth = 12, OldestSeconds = 4.2, Held = 1, Running = 2, Workers = 3, Paused = false };
        var paused = new QueueObject { Lane = "i2v.lane.lab", Depth = 0, Held = 0, Running = 0, Workers = 0, Paused = true };

        var lines = QueuesCommand.Table([open, paused]).Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("LANE STATE WAITING OLDEST HELD RUNNING WORKERS", Words(lines[0]));
        Assert.Equal("i2v.lane.motion open 12 5 s 1 2 3", Words(lines[1]));
        Assert.Equal("i2v.lane.lab paused 0 0 0 0", Words(lines[2]));
    }

    [Fact]
    public void Workers_are_plain_columns_without_anything_that_a_terminal_obeys()
    {
        var id = Guid.CreateVersion7();
        var worker = new WorkerObject
        {
            Id = id,
            Name = "host/\u001b[2Jcpu-0",
            Device = new WorkerDevice { Kind = DeviceKind.Cpu, Id = "cpu-0", Name = "CPU", MemoryTotalBytes = 1, MemoryFreeBytes = 1 },
            Models = ["motion", "lab"],
            State = "draining",
            Version = "1",
            RegisteredAt = default,
            LastSeenAt = default,
            CurrentJob = JobSamples.Id,
        };

        var lines = WorkersCommand.Table([worker]).Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("WORKER STATE NAME MODELS JOB", Words(lines[0]));
        Assert.Equal($"{id} draining host/ [2Jcpu-0 motion,lab {JobSamples.Id}", Words(lines[1]));
    }

    private static string Words(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
