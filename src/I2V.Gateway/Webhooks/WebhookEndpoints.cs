using I2V.Gateway.Scheduling;
using I2V.Protocol.Webhooks;
using Npgsql;

namespace I2V.Gateway.Webhooks;

/// <summary>The only writer of endpoints. Every call is bounded by the tenant; null and false mean that it has no such endpoint.</summary>
internal sealed class WebhookEndpoints(NpgsqlDataSource database, TimeProvider clock)
{
    /// <summary>Each job's end is one delivery for each of them.</summary>
    public const int Most = 16;

    /// <returns>With its secret; null when the tenant has as many as it may.</returns>
    public async Task<WebhookEndpoint?> CreateAsync(Guid tenant, string url, IReadOnlyList<string> events, CancellationToken ct)
    {
        await using var connection = await database.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using (var take = new NpgsqlCommand(TransitionSql.LockTenant, connection))
        {
            take.Parameters.Uuid(tenant);
            await take.ExecuteNonQueryAsync(ct);
        }

        await using (var count = new NpgsqlCommand(WebhookSql.CountEndpoints, connection))
        {
            count.Parameters.Uuid(tenant);
            if ((int)(await count.ExecuteScalarAsync(ct))! >= Most)
            {
                return null;
            }
        }

        var secret = WebhookSecret.Draw();
        WebhookEndpoint? created;
        await using (var insert = new NpgsqlCommand(WebhookSql.InsertEndpoint, connection))
        {
            insert.Parameters.Uuid(Guid.CreateVersion7(clock.GetUtcNow())).Uuid(tenant).Text(url).Texts(events).Bytes(secret);
            created = await ReadOneAsync(insert, secret, ct);
        }

        await transaction.CommitAsync(ct);
        return created;
    }

    public async Task<IReadOnlyList<WebhookEndpoint>> ListAsync(Guid tenant, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.ListEndpoints);
        command.Parameters.Uuid(tenant);
        return await ReadAsync(command, secret: null, ct);
    }

    public async Task<WebhookEndpoint?> FindAsync(Guid tenant, Guid id, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.FindEndpoint);
        command.Parameters.Uuid(tenant).Uuid(id);
        return await ReadOneAsync(command, secret: null, ct);
    }

    /// <summary>Changes what is not null.</summary>
    public async Task<WebhookEndpoint?> ChangeAsync(Guid tenant, Guid id, WebhookEndpointChange change, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.ChangeEndpoint);
        command.Parameters.Uuid(tenant).Uuid(id).Text(change.Url).Texts(change.Events).Flag(change.Disabled);
        return await ReadOneAsync(command, secret: null, ct);
    }

    /// <summary>Removes it with its deliveries.</summary>
    public async Task<bool> DeleteAsync(Guid tenant, Guid id, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.DeleteEndpoint);
        command.Parameters.Uuid(tenant).Uuid(id);
        return await command.ExecuteNonQueryAsync(ct) > 0;
    }

    /// <summary>Gives it a new secret; the one before signs too for a day.</summary>
    public async Task<WebhookEndpoint?> RotateAsync(Guid tenant, Guid id, CancellationToken ct)
    {
        var secret = WebhookSecret.Draw();
        await using var command = database.CreateCommand(WebhookSql.Rotate);
        command.Parameters.Uuid(tenant).Uuid(id).Bytes(secret);
        return await ReadOneAsync(command, secret, ct);
    }

    /// <summary>The same for what signs jobs' own webhooks, which the first call makes.</summary>
    public async Task<WebhookEndpoint> RotateDefaultAsync(Guid tenant, CancellationToken ct)
    {
        var secret = WebhookSecret.Draw();
        await using var command = database.CreateCommand(WebhookSql.RotateDefault);
        command.Parameters.Uuid(tenant).Uuid(Guid.CreateVersion7(clock.GetUtcNow())).Bytes(secret).Texts(WebhookEvents.All);
        return (await ReadOneAsync(command, secret, ct))!;
    }

    /// <summary>Whether there is a secret for jobs' own webhooks.</summary>
    public async Task<bool> HasDefaultAsync(Guid tenant, CancellationToken ct)
    {
        await using var command = database.CreateCommand(WebhookSql.HasDefault);
        command.Parameters.Uuid(tenant);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task<WebhookEndpoint?> ReadOneAsync(NpgsqlCommand command, byte[]? secret, CancellationToken ct) =>
        (await ReadAsync(command, secret, ct)).SingleOrDefault();

    private static async Task<List<WebhookEndpoint>> ReadAsync(NpgsqlCommand command, byte[]? secret, CancellationToken ct)
    {
        var endpoints = new List<WebhookEndpoint>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var url = reader.IsDBNull(1) ? null : reader.GetString(1);
            endpoints.Add(new WebhookEndpoint
            {
                Id = url is null ? WebhookIds.DefaultEndpoint : WebhookIds.Endpoint(reader.GetGuid(0)),
                Url = url,
                Events = reader.GetFieldValue<string[]>(2),
                Secret = secret is null ? null : WebhookSecret.Format(secret),
                PreviousSecretExpiresAt = reader.Time(3),
                DisabledAt = reader.Time(4),
                DisabledReason = reader.IsDBNull(5) ? null : reader.GetString(5),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
            });
        }

        return endpoints;
    }
}

internal static class ReaderExtensions
{
    public static DateTimeOffset? Time(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
}
