using I2V.Gateway.Database;
using MassTransit;
using Npgsql;

namespace I2V.Gateway.Scheduling;

/// <summary>
/// Carries tickets from the outbox to the broker, 64 at a time. A row leaves the table only in the transaction that follows
/// the broker's confirm: a crash in between doubles a ticket, which is harmless, and never loses one. A broker that is down
/// costs one try a second, and nothing else waits for it.
/// </summary>
internal sealed partial class OutboxDispatcher(
    NpgsqlDataSource database, TicketPublisher publisher, JobSignals signals, TimeProvider clock, ILogger<OutboxDispatcher> log)
    : BackgroundService
{
    private const int InFlight = 64;
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(1);

    private const string AnyDue = "select exists (select from outbox where available_at <= (select clock_timestamp()))";

    private const string Take = """
        delete from outbox where id in (
            select id from outbox where available_at <= (select clock_timestamp())
            order by available_at, id limit $1 for update skip locked)
        returning lane, attempts, created_at
        """;

    /// <summary>$4: what the broker returned waits longer each time; what it never got is due again at once.</summary>
    private const string PutBack = """
        insert into outbox (lane, attempts, created_at, last_error, available_at)
        select lane, attempts, created_at, error,
            clock_timestamp() + case when returned then make_interval(secs => least(120, 2 ^ least(attempts, 10)) * (0.5 + random() / 2)) else interval '0' end
        from unnest($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::bool[]) as t (lane, attempts, created_at, error, returned)
        """;

    private bool brokerAnswers = true;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!await DispatchAsync(stoppingToken))
                {
                    await signals.WaitForTicketAsync(Idle, stoppingToken);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (DatabaseFailure.IsPassing(error))
            {
                LogPostponed(error.Message);
                await Task.Delay(Idle, clock, stoppingToken);
            }
        }
    }

    /// <summary>One batch; a single ticket while the broker does not answer. True when there may be more to do now.</summary>
    internal async Task<bool> DispatchAsync(CancellationToken ct)
    {
        if (!await AnyDueAsync(ct))
        {
            return false;
        }

        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var tickets = await TakeAsync(connection, brokerAnswers ? InFlight : 1, ct);
        if (tickets.Count == 0)
        {
            return false;
        }

        var outcomes = await Task.WhenAll(tickets.Select(ticket => PublishAsync(ticket, ct)));
        Sent[] kept = [.. outcomes.Where(sent => sent.Error is not null)];
        if (kept.Length > 0)
        {
            await PutBackAsync(connection, kept, ct);
        }

        await transaction.CommitAsync(ct);
        return NoteBroker(outcomes);
    }

    private bool NoteBroker(Sent[] outcomes)
    {
        var failed = outcomes.FirstOrDefault(sent => sent is { Error: not null, Returned: false });
        if (failed is null != brokerAnswers)
        {
            brokerAnswers = failed is null;
            if (brokerAnswers)
            {
                LogBrokerAnswers();
            }
            else
            {
                LogBrokerSilent(failed!.Error!);
            }
        }

        return brokerAnswers;
    }

    private async Task<bool> AnyDueAsync(CancellationToken ct)
    {
        await using var command = database.CreateCommand(AnyDue);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<List<Ticket>> TakeAsync(NpgsqlConnection connection, int most, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(Take, connection);
        command.Parameters.Int(most);
        var tickets = new List<Ticket>(most);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            tickets.Add(new Ticket(reader.GetString(0), reader.GetInt32(1), reader.GetDateTime(2)));
        }

        return tickets;
    }

    /// <summary>Whatever goes wrong is the ticket's fate and not the dispatcher's.</summary>
    private async Task<Sent> PublishAsync(Ticket ticket, CancellationToken ct)
    {
        try
        {
            await publisher.PublishAsync(ticket.Lane, ct);
            return new Sent(ticket, Error: null, Returned: false);
        }
        catch (MessageReturnedException)
        {
            return new Sent(ticket, "No worker has served this lane yet.", Returned: true);
        }
        catch (Exception error) when (!ct.IsCancellationRequested) // includes a send that gave up by its own token
        {
            return new Sent(ticket, error.Message, Returned: false);
        }
    }

    private static async Task PutBackAsync(NpgsqlConnection connection, Sent[] kept, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(PutBack, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. kept.Select(x => x.Ticket.Lane)] });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. kept.Select(x => x.Ticket.Attempts + 1)] });
        command.Parameters.Add(new NpgsqlParameter<DateTime[]> { TypedValue = [.. kept.Select(x => x.Ticket.CreatedAt)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. kept.Select(x => x.Error!)] });
        command.Parameters.Add(new NpgsqlParameter<bool[]> { TypedValue = [.. kept.Select(x => x.Returned)] });
        await command.ExecuteNonQueryAsync(ct);
    }

    private sealed record Ticket(string Lane, int Attempts, DateTime CreatedAt);

    private sealed record Sent(Ticket Ticket, string? Error, bool Returned);

    [LoggerMessage(2301, LogLevel.Warning, "The broker takes no tickets; they stay in the outbox and idle workers ask by themselves: {Reason}")]
    private partial void LogBrokerSilent(string reason);

    [LoggerMessage(2302, LogLevel.Information, "The broker takes tickets again")]
    private partial void LogBrokerAnswers();

    [LoggerMessage(2303, LogLevel.Warning, "The outbox cannot be read now: {Reason}")]
    private partial void LogPostponed(string reason);
}
