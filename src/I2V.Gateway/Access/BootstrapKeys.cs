using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Access;

/// <summary>Makes sure that the tenant <c>default</c> and the configured keys exist, so that a fresh installation can be used.</summary>
internal sealed class BootstrapKeys(IOptions<AccessOptions> options, TimeProvider clock)
{
    // One machine's own user is not to be kept from its own queue.
    private const string EnsureTenant = """
        insert into tenants (id, name, max_queued, max_running, requests_per_minute) values ($1, 'default', 100000, 1000, null)
        on conflict (name) do update set name = excluded.name
        returning id
        """;

    private const string EnsureKey = """
        insert into api_keys (id, tenant_id, prefix, key_hash, scopes) values ($1, $2, $3, $4, $5)
        on conflict (prefix) do update set key_hash = excluded.key_hash, scopes = excluded.scopes, revoked_at = null
        """;

    public async Task EnsureAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        await using var tenant = new NpgsqlCommand(EnsureTenant, connection);
        tenant.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7(clock.GetUtcNow()) });
        var tenantId = (Guid)(await tenant.ExecuteScalarAsync(ct))!;

        await EnsureKeyAsync(connection, tenantId, options.Value.BootstrapApiKey, [Scopes.JobsWrite, Scopes.JobsRead, Scopes.Admin], ct);
        await EnsureKeyAsync(connection, tenantId, options.Value.BootstrapWorkerKey, [Scopes.Worker], ct);
    }

    private async Task EnsureKeyAsync(NpgsqlConnection connection, Guid tenantId, string? text, string[] scopes, CancellationToken ct)
    {
        if (!ApiKey.TryParse(text, out var key))
        {
            return;
        }

        await using var command = new NpgsqlCommand(EnsureKey, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7(clock.GetUtcNow()) });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = tenantId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Prefix });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = key.Hash(Convert.FromBase64String(options.Value.Pepper)) });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = scopes });
        await command.ExecuteNonQueryAsync(ct);
    }
}
