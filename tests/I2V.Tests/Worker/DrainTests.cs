using System.Net;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;
using I2V.Worker.Gateway;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.Logging;

namespace I2V.Tests.Worker;

/// <summary>What a worker makes of being told to drain: it says so, and goes on with what it has.</summary>
public sealed class DrainTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly ManualTimeProvider time = new();

    [Fact]
    public async Task A_job_goes_on_when_its_worker_is_to_drain_and_the_log_says_it_once()
    {
        var log = new Lines();
        var beats = 0;
        var server = new FakeServer(_ => FakeServer.Json(new HeartbeatAnswer(HeartbeatAction.Continue, 30) { Drain = ++beats is 2 or 3 }));
        await using var keeper = LeaseKeeper.Start(new GatewayClient(server.Client(), time), LeaseKeeperTests.NewJob(), Interval, () => default(DeviceVitals), time, log);
        for (var beat = 0; beat < 4; beat++)
        {
            await server.NextAsync();
            await time.TimerSetAsync(Interval);
            Assert.Equal(beat >= 1 ? 1 : 0, log.Said.Count(line => line.StartsWith("Asked to drain", StringComparison.Ordinal)));
            time.Advance(Interval);
        }

        Assert.Equal(AttemptStop.None, keeper.Reason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_idle_heartbeat_brings_back_whether_to_drain(bool drain)
    {
        var client = new GatewayClient(new FakeServer(_ => FakeServer.Json(new IdleHeartbeatAnswer(drain))).Client(), time);
        Assert.Equal(drain, (await client.HeartbeatIdleAsync(Guid.NewGuid(), new IdleHeartbeat { State = "idle" }, TestContext.Current.CancellationToken)).Drain);
    }

    [Fact]
    public async Task A_gateway_that_knows_no_drain_asks_for_none()
    {
        var client = new GatewayClient(new FakeServer(_ => new HttpResponseMessage(HttpStatusCode.NoContent)).Client(), time);
        Assert.False((await client.HeartbeatIdleAsync(Guid.NewGuid(), new IdleHeartbeat { State = "idle" }, TestContext.Current.CancellationToken)).Drain);
    }

    private sealed class Lines : ILogger
    {
        private readonly Lock sync = new();
        private readonly List<string> said = [];

        public IReadOnlyList<string> Said
        {
            get
            {
                lock (sync)
                {
                    return [.. said];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (sync)
            {
                said.Add(formatter(state, exception));
            }
        }
    }
}
