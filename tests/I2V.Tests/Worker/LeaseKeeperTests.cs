using System.Net;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;
using I2V.Worker.Gateway;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.Logging.Abstractions;

namespace I2V.Tests.Worker;

public sealed class LeaseKeeperTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5); // whatever the gateway asks for; the lease is a multiple
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan RunLimit = TimeSpan.FromSeconds(600);

    private readonly ManualTimeProvider time = new();

    [Fact]
    public async Task A_heartbeat_goes_out_at_once_and_then_as_often_as_the_gateway_asks()
    {
        var server = Answering(HeartbeatAction.Continue);
        await using var keeper = Start(server);
        for (var beat = 0; beat < 4; beat++)
        {
            await server.NextAsync();
            await time.TimerSetAsync(Interval);
            Assert.False(server.HasMore);
            time.Advance(Interval);
        }

        await server.NextAsync();
        Assert.Equal(4 * Interval, time.Now);
        Assert.Equal(AttemptStop.None, keeper.Reason);
    }

    [Fact]
    public async Task Progress_is_told_at_once_but_at_most_twice_a_second()
    {
        var server = Answering(HeartbeatAction.Continue);
        await using var keeper = Start(server);
        await server.NextAsync();
        await time.TimerSetAsync(Interval);

        // A change long after the last heartbeat goes out without waiting.
        time.Advance(TimeSpan.FromSeconds(1));
        keeper.Report(new JobProgress { Phase = JobPhase.Decoding, Step = 1 });
        Assert.Equal(1, StepOf(await server.NextAsync()));
        Assert.Equal(TimeSpan.FromSeconds(1), time.Now);

        // Changes right after one wait for the gap, and only the newest is told.
        keeper.Report(new JobProgress { Phase = JobPhase.Decoding, Step = 2 });
        await time.TimerSetAsync(LeaseKeeper.ShortestGap);
        keeper.Report(new JobProgress { Phase = JobPhase.Decoding, Step = 3 });
        Assert.False(server.HasMore);
        time.Advance(LeaseKeeper.ShortestGap);
        Assert.Equal(3, StepOf(await server.NextAsync()));
        await time.TimerSetAsync(Interval);
        Assert.False(server.HasMore);
    }

    [Fact]
    public async Task A_cancel_stops_the_attempt()
    {
        await using var keeper = Start(Answering(HeartbeatAction.Cancel));
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Canceled, keeper.Reason);
    }

    [Fact]
    public async Task A_lost_lease_stops_the_attempt()
    {
        await using var keeper = Start(Answering(HeartbeatAction.Lost));
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Lost, keeper.Reason);
    }

    [Theory]
    [InlineData(HttpStatusCode.Conflict)]
    [InlineData(HttpStatusCode.NotFound)]
    public async Task A_refused_heartbeat_means_that_the_lease_is_lost(HttpStatusCode status)
    {
        await using var keeper = Start(new FakeServer(_ => new HttpResponseMessage(status)));
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Lost, keeper.Reason);
    }

    [Fact]
    public async Task Without_a_heartbeat_for_a_whole_lease_the_attempt_fences_itself()
    {
        var server = new FakeServer(_ => throw new HttpRequestException("connection refused"));
        await using var keeper = Start(server);
        while (time.Now < Lease - Interval)
        {
            await server.NextAsync();
            await time.TimerSetAsync(Interval);
            time.Advance(Interval);
            Assert.False(keeper.Stopped.IsCancellationRequested);
        }

        time.Advance(Interval);
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Lost, keeper.Reason);
        Assert.Equal(Lease, time.Now);
    }

    [Fact]
    public async Task A_heartbeat_that_hangs_does_not_keep_the_fence_from_falling()
    {
        var server = new FakeServer(async (_, ct) =>
        {
            await Task.Delay(Timeout.Infinite, ct);
            throw new InvalidOperationException("Nobody waits that long.");
        });
        await using var keeper = Start(server);
        await server.NextAsync();
        time.Advance(Lease);
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Lost, keeper.Reason);
    }

    [Fact]
    public async Task A_heartbeat_that_arrives_renews_the_lease_from_the_moment_it_was_sent()
    {
        var answers = 0;
        var server = new FakeServer(_ => answers++ == 0
            ? FakeServer.Json(new HeartbeatAnswer(HeartbeatAction.Continue, (int)Lease.TotalSeconds))
            : throw new HttpRequestException("connection refused"));
        time.Advance(TimeSpan.FromSeconds(20));
        await using var keeper = Start(server);
        await server.NextAsync();
        await time.TimerSetAsync(Interval);
        time.Advance(Lease - TimeSpan.FromMilliseconds(1));
        Assert.False(keeper.Stopped.IsCancellationRequested);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Lost, keeper.Reason);
    }

    [Fact]
    public async Task An_attempt_that_takes_longer_than_it_may_is_stopped()
    {
        var server = new FakeServer(_ => FakeServer.Json(new HeartbeatAnswer(HeartbeatAction.Continue, LeaseSeconds: 3_600)));
        await using var keeper = Start(server);
        await server.NextAsync();
        await time.TimerSetAsync(Interval);
        time.Advance(RunLimit);
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.RunTimeout, keeper.Reason);
    }

    [Fact]
    public async Task The_first_reason_to_stop_stays()
    {
        await using var keeper = Start(Answering(HeartbeatAction.Continue));
        keeper.Stop(AttemptStop.Draining);
        keeper.Stop(AttemptStop.Canceled);
        Assert.Equal(AttemptStop.Draining, keeper.Reason);
    }

    [Fact]
    public async Task A_draining_worker_may_finish_until_its_limit()
    {
        await using var keeper = Start(Answering(HeartbeatAction.Continue));
        keeper.StopAfter(AttemptStop.Draining, TimeSpan.FromSeconds(2));
        Assert.Equal(AttemptStop.None, keeper.Reason);
        time.Advance(TimeSpan.FromSeconds(2));
        await StoppedAsync(keeper);
        Assert.Equal(AttemptStop.Draining, keeper.Reason);
    }

    [Fact]
    public async Task After_the_end_no_heartbeat_goes_out_and_no_fence_falls()
    {
        var server = Answering(HeartbeatAction.Continue);
        var keeper = Start(server);
        await server.NextAsync();
        await time.TimerSetAsync(Interval);
        await keeper.DisposeAsync();
        time.Advance(RunLimit);
        Assert.False(server.HasMore);
        Assert.Equal(AttemptStop.None, keeper.Reason);
    }

    [Fact]
    public async Task A_heartbeat_tells_the_devices_memory_and_temperature_of_that_moment()
    {
        var server = Answering(HeartbeatAction.Continue);
        var vitals = new DeviceVitals(VramUsedBytes: 5_000, TemperatureCelsius: 61);
        await using var keeper = Start(server, () => vitals);

        var first = JsonSerializer.Deserialize<ClaimHeartbeat>((await server.NextAsync()).Body, I2VJson.Options)!;
        await time.TimerSetAsync(Interval);
        vitals = new DeviceVitals(VramUsedBytes: 6_000, TemperatureCelsius: null);
        time.Advance(Interval);
        var second = JsonSerializer.Deserialize<ClaimHeartbeat>((await server.NextAsync()).Body, I2VJson.Options)!;

        Assert.Equal((5_000, 61), (first.VramUsedBytes, first.TemperatureCelsius));
        Assert.Equal((6_000, null), (second.VramUsedBytes, second.TemperatureCelsius));
    }

    private static FakeServer Answering(HeartbeatAction action) =>
        new(_ => FakeServer.Json(new HeartbeatAnswer(action, (int)Lease.TotalSeconds)));

    private static int? StepOf(SeenRequest request) =>
        JsonSerializer.Deserialize<ClaimHeartbeat>(request.Body, I2VJson.Options)!.Progress!.Step;

    private static async Task StoppedAsync(LeaseKeeper keeper)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = keeper.Stopped.Register(stopped.SetResult);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    private LeaseKeeper Start(FakeServer server, Func<DeviceVitals> vitals) =>
        LeaseKeeper.Start(new GatewayClient(server.Client(), time), NewJob(), Interval, vitals, time, NullLogger.Instance);

    private LeaseKeeper Start(FakeServer server) => Start(server, () => default);

    internal static ClaimedJob NewJob() => new()
    {
        JobId = Guid.CreateVersion7(),
        Attempt = 1,
        LeaseToken = Guid.NewGuid(),
        LeaseSeconds = (int)Lease.TotalSeconds,
        RunTimeoutSeconds = (int)RunLimit.TotalSeconds,
        Spec = new JobSpec { Model = "motion", Settings = new JobSettings(), Fit = new JobFit() },
        InputUrl = "http://gateway.test/input",
        InputSha256 = new string('0', 64),
    };
}
