using System.Text.Json;
using I2V.Gateway.Scheduling;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Protocol.Webhooks;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Webhooks;

/// <summary>The log of deliveries, which is their queue too. Any number of gateways may claim at once.</summary>
internal sealed class WebhookDeliveries(NpgsqlDataSource database, IOptions<WebhookOptions> options)
{
    /// <summary>How many of one tenant are on their way at once, in all gateways together.</summary>
    private const int MostOfOneTenant = 8;

    /// <summary>Takes due deliveries for as long as an attempt may last.</summary>
    public async Task<IReadOnlyList<DueDelivery>> ClaimAsync(int most, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.Claim);
        command.Parameters.Int(most).Seconds(options.Value.LeaseSeconds).Int(MostOfOneTenant);
        var claimed = new List<DueDelivery>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            claimed.Add(new DueDelivery
            {
                Id = reader.GetGuid(0),
                Lease = reader.GetGuid(1),
                TenantId = reader.GetGuid(2),
                JobId = reader.GetGuid(3),
                Event = reader.GetString(4),
                EventAt = reader.GetFieldValue<DateTimeOffset>(5),
                Tries = reader.GetInt32(6),
                Url = reader.GetString(7),
                Secrets = reader.IsDBNull(9)
                    ? [reader.GetFieldValue<byte[]>(8)]
                    : [reader.GetFieldValue<byte[]>(8), reader.GetFieldValue<byte[]>(9)],
                IsDisabled = reader.GetBoolean(10),
            });
        }

        return claimed;
    }

    /// <summary>Writes down what came of an attempt. False when another gateway has taken the delivery over, whose word counts then.</summary>
    public async Task<bool> FinishAsync(DueDelivery delivery, Verdict verdict, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.Finish);
        command.Parameters
            .Uuid(delivery.Id).Uuid(delivery.Lease).Text(verdict.State).Seconds(verdict.Wait.TotalSeconds).Json(verdict.Attempt).Text(verdict.Disable);
        return (int)(await command.ExecuteScalarAsync(ct))! == 1;
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<WebhookDelivery>> ListAsync(Guid tenant, DeliveryFilter filter, int most, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.ListDeliveries);
        command.Parameters.Uuid(tenant).Text(filter.Status).Uuid(filter.Job).Uuid(filter.Endpoint).Uuid(filter.After).Int(most);
        return await ReadAsync(command, ct);
    }

    /// <summary>Makes it due now, with the whole schedule before it, under the same id.</summary>
    public async Task<RedeliverResult> RedeliverAsync(Guid tenant, Guid id, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.Redeliver);
        command.Parameters.Uuid(tenant).Uuid(id);
        if ((await ReadAsync(command, ct)).SingleOrDefault() is { } delivery)
        {
            return new RedeliverResult.Due(delivery);
        }

        await using var find = database.CreateCommand(WebhookSql.FindDelivery);
        find.Parameters.Uuid(tenant).Uuid(id);
        return await find.ExecuteScalarAsync(ct) switch
        {
            true => new RedeliverResult.Disabled(),
            false => new RedeliverResult.UnderWay(),
            _ => new RedeliverResult.NotFound(),
        };
    }

    private static async Task<List<WebhookDelivery>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        var deliveries = new List<WebhookDelivery>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            deliveries.Add(new WebhookDelivery
            {
                Id = WebhookIds.Delivery(reader.GetGuid(0)),
                Status = reader.GetString(1),
                Event = reader.GetString(2),
                JobId = JobId.Format(reader.GetGuid(3)),
                EndpointId = reader.IsDBNull(4) ? null : WebhookIds.Endpoint(reader.GetGuid(4)),
                Url = reader.GetString(5),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
                NextAttemptAt = reader.Time(7),
                CompletedAt = reader.Time(8),
                Attempts = JsonSerializer.Deserialize<IReadOnlyList<WebhookAttempt>>(reader.GetString(9), I2VJson.Options)!,
            });
        }

        return deliveries;
    }
}

/// <summary>A delivery that this gateway may attempt now.</summary>
internal sealed record DueDelivery
{
    public required Guid Id { get; init; }

    public required Guid Lease { get; init; }

    public required Guid TenantId { get; init; }

    public required Guid JobId { get; init; }

    public required string Event { get; init; }

    public required DateTimeOffset EventAt { get; init; }

    /// <summary>Attempts before this one.</summary>
    public required int Tries { get; init; }

    public required string Url { get; init; }

    /// <summary>One, or two while a rotation lasts; the newer first.</summary>
    public required IReadOnlyList<byte[]> Secrets { get; init; }

    /// <summary>Its endpoint was disabled after the job had ended.</summary>
    public required bool IsDisabled { get; init; }
}

/// <summary>What follows from an attempt.</summary>
/// <param name="State"><c>pending</c>, <c>delivered</c> or <c>failed</c>.</param>
/// <param name="Attempt">Null when none was made.</param>
/// <param name="Wait">Until the next one, where it is pending.</param>
/// <param name="Disable">Why the endpoint gets nothing more, or null.</param>
internal sealed record Verdict(string State, WebhookAttempt? Attempt, TimeSpan Wait = default, string? Disable = null);

/// <param name="Status">Null for any, as for the others.</param>
/// <param name="Job">The job that ended.</param>
/// <param name="Endpoint">Whom it goes to.</param>
/// <param name="After">Where the page before ended.</param>
internal sealed record DeliveryFilter(string? Status, Guid? Job, Guid? Endpoint, Guid? After);

internal abstract record RedeliverResult
{
    private RedeliverResult()
    {
    }

    public sealed record Due(WebhookDelivery Delivery) : RedeliverResult;

    public sealed record Disabled : RedeliverResult;

    public sealed record UnderWay : RedeliverResult;

    public sealed record NotFound : RedeliverResult;
}
