using System.Diagnostics;
using System.Text;
using I2V.Gateway.Scheduling;
using I2V.IntegrationTests.Servers;
using I2V.Protocol.Bus;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using RabbitMQ.Client;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Tickets reach a real broker or stay where they are.</summary>
public sealed class OutboxTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_submitted_job_becomes_a_ticket_in_its_lane()
    {
        var gateway = await SharedGateway.GetAsync();
        var model = $"model-{Guid.NewGuid():N}";
        await using var broker = await LaneAsync(await TestServers.BrokerUrlAsync(), Lanes.ForModel(model));

        await gateway.SubmitAsync(model);
        var ticket = await broker.TakeAsync();

        Assert.Contains(Lanes.ForModel(model), ticket, StringComparison.Ordinal);
        Assert.Contains("WorkTicket", ticket, StringComparison.Ordinal);
        await UntilAsync(async () => await CountAsync(gateway, model) == 0);
    }

    [Fact]
    public async Task A_ticket_that_no_queue_takes_stays_in_the_outbox_and_arrives_once_there_is_one()
    {
        var gateway = await SharedGateway.GetAsync();
        var model = $"model-{Guid.NewGuid():N}";
        await gateway.SubmitAsync(model);

        await UntilAsync(async () => await gateway.ScalarAsync<long>(
            "select count(*) from outbox where lane = $1 and attempts > 0 and last_error is not null", Lanes.ForModel(model)) == 1);

        await using var broker = await LaneAsync(await TestServers.BrokerUrlAsync(), Lanes.ForModel(model));
        Assert.Contains(Lanes.ForModel(model), await broker.TakeAsync(), StringComparison.Ordinal);
        await UntilAsync(async () => await CountAsync(gateway, model) == 0);
    }

    [Fact]
    public async Task A_broker_that_is_away_costs_one_short_try_and_no_ticket()
    {
        await using var rabbit = await TestRabbitMq.StartAsync();
        await using var lab = await SchedulingLab.CreateAsync();
        using var host = await StartBusAsync(rabbit.Url);
        var options = Options.Create(new SchedulingOptions { PublishSeconds = 1 });
        var publisher = new TicketPublisher(host.Services.GetRequiredService<IBus>(), options, TimeProvider.System);
        using var dispatcher = new OutboxDispatcher(lab.Database, publisher, lab.Signals, TimeProvider.System, NullLogger<OutboxDispatcher>.Instance);
        await using (var lane = await LaneAsync(rabbit.Url, Lanes.ForModel(SchedulingLab.Model)))
        {
            await lab.SubmitAsync();
            Assert.True(await dispatcher.DispatchAsync(Ct));
            await lane.TakeAsync();
        }

        await rabbit.StopAsync();
        for (var i = 0; i < 20; i++)
        {
            await lab.SubmitAsync();
        }

        Assert.False(await dispatcher.DispatchAsync(Ct));
        Assert.False(await dispatcher.DispatchAsync(Ct));
        Assert.Equal(20, await lab.ScalarAsync<long>("select count(*) from outbox"));

        // The first batch tries all of them, and from then on a single ticket feels whether the broker is back.
        Assert.Equal(21, await lab.ScalarAsync<long>("select sum(attempts) from outbox"));

        await rabbit.StartAgainAsync();
        await UntilAsync(async () =>
        {
            await dispatcher.DispatchAsync(Ct);
            return await lab.ScalarAsync<long>("select count(*) from outbox") == 0;
        });
        await using var again = await LaneAsync(rabbit.Url, Lanes.ForModel(SchedulingLab.Model));
        for (var i = 0; i < 20; i++)
        {
            await again.TakeAsync();
        }
    }

    [Fact]
    public async Task A_job_that_waits_beside_an_idle_worker_gets_a_new_ticket_for_the_lost_one()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        await lab.SubmitAsync();
        await lab.ExecuteAsync("delete from outbox");
        await lab.ExecuteAsync("update jobs set ticketed_at = ticketed_at - interval '2 minutes', available_at = available_at - interval '2 minutes'");
        Assert.Equal(0, await lab.Transitions.ReticketAsync(Ct));

        await lab.AddWorkerAsync();

        Assert.Equal(1, await lab.Transitions.ReticketAsync(Ct));
        Assert.Equal(0, await lab.Transitions.ReticketAsync(Ct));
        Assert.Equal(Lanes.ForModel(SchedulingLab.Model), await lab.ScalarAsync<string>("select lane from outbox"));
    }

    [Fact]
    public async Task Tickets_that_the_dispatcher_holds_while_the_broker_hangs_stop_no_user()
    {
        await using var lab = await SchedulingLab.CreateAsync();
        var (canceled, deleted) = (await lab.SubmitAsync(), await lab.SubmitAsync());
        await using var dispatcher = await lab.Database.OpenConnectionAsync(Ct);
        await using var held = await dispatcher.BeginTransactionAsync(Ct);
        await using (var take = new NpgsqlCommand("delete from outbox", dispatcher))
        {
            Assert.Equal(2, await take.ExecuteNonQueryAsync(Ct));
        }

        Assert.Equal(CancelResult.Canceled, await lab.Transitions.CancelAsync(lab.Tenant, canceled, Ct));
        Assert.True(await lab.Transitions.DeleteAsync(lab.Tenant, deleted, Ct));
        var submitted = await lab.SubmitAsync();

        Assert.Equal(submitted, await lab.ScalarAsync<Guid>("select id from jobs where state = 'queued'"));
    }

    [Fact]
    public async Task An_idle_gateway_asks_the_database_at_most_five_times_a_second()
    {
        await using var gateway = await SharedGateway.StartAnotherAsync();
        const string Transactions = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
        var clock = Stopwatch.StartNew();

        // A rate needs a window. The counters arrive late by up to a second, so that the start must have arrived before it opens.
        await UntilAsync(() => Task.FromResult(clock.Elapsed > TimeSpan.FromSeconds(2)));
        var before = await gateway.ScalarAsync<long>(Transactions);
        clock.Restart();
        await UntilAsync(() => Task.FromResult(clock.Elapsed > TimeSpan.FromSeconds(10)));

        // Statements are transactions here, since nothing happens that would take several at once.
        var perSecond = (await gateway.ScalarAsync<long>(Transactions) - before) / clock.Elapsed.TotalSeconds;

        Assert.InRange(perSecond, 0.5, 5);
    }

    private static Task<long> CountAsync(TestGateway gateway, string model) =>
        gateway.ScalarAsync<long>("select count(*) from outbox where lane = $1", Lanes.ForModel(model));

    private static async Task<IHost> StartBusAsync(string url)
    {
        // Kept alive by the shared gateway's bus: see SharedGateway.
        await SharedGateway.GetAsync();
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Bus:Url"] = url });
        builder.AddI2VBus();
        var host = builder.Build();
        await host.StartAsync(Ct);
        return host;
    }

    /// <summary>Polls, because what is waited for is a row or a message that another process writes.</summary>
    private static async Task UntilAsync(Func<Task<bool>> reached)
    {
        var clock = Stopwatch.StartNew();
        while (!await reached())
        {
            Assert.True(clock.Elapsed < Patience, $"It did not come true within {Patience.TotalSeconds} s.");
            await Task.Delay(50, Ct);
        }
    }

    private static async Task<Lane> LaneAsync(string url, string name)
    {
        var connection = await new ConnectionFactory { Uri = new Uri(url) }.CreateConnectionAsync(Ct);
        var channel = await connection.CreateChannelAsync(cancellationToken: Ct);
        await channel.ExchangeDeclareAsync(name, ExchangeType.Fanout, durable: true, cancellationToken: Ct);
        await channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, cancellationToken: Ct);
        await channel.QueueBindAsync(name, name, "", cancellationToken: Ct);
        return new Lane(connection, channel, name);
    }

    /// <summary>The queue that a worker would consume.</summary>
    private sealed class Lane(IConnection connection, IChannel channel, string name) : IAsyncDisposable
    {
        public async Task<string> TakeAsync()
        {
            string? body = null;
            await UntilAsync(async () =>
            {
                var message = await channel.BasicGetAsync(name, autoAck: true, Ct);
                body = message is null ? null : Encoding.UTF8.GetString(message.Body.Span);
                return body is not null;
            });
            return body!;
        }

        public async ValueTask DisposeAsync()
        {
            await channel.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}
