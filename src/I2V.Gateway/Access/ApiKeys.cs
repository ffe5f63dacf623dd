using System.Collections.Concurrent;
using System.Security.Cryptography;
using I2V.Gateway.Database;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace I2V.Gateway.Access;

/// <summary>A key and whose it is.</summary>
internal sealed record KeyHolder(ApiKeyRow Key, TenantRow Tenant);

/// <summary>
/// Who a key belongs to. Rows are remembered for 30 s, which is how long a revoked key may still work and a tenant's old limits
/// may still hold.
/// </summary>
internal sealed class ApiKeys(
    IServiceScopeFactory scopes, NpgsqlDataSource database, IOptions<AccessOptions> options, TimeProvider clock)
{
    private const int MostRemembered = 10_000;
    private static readonly TimeSpan RememberFor = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan UseGranularity = TimeSpan.FromMinutes(1);

    private readonly byte[] pepper = Convert.FromBase64String(options.Value.Pepper);
    private readonly ConcurrentDictionary<string, Remembered> remembered = new();

    /// <summary>The key and its tenant, or null for an unknown, wrong, revoked or expired key.</summary>
    public async Task<KeyHolder?> FindAsync(string? text, CancellationToken ct)
    {
        if (!ApiKey.TryParse(text, out var key))
        {
            return null;
        }

        // The hash is made in every case, so that the time says little about which keys exist.
        var hash = key.Hash(pepper);
        var remembered = await RememberedRowAsync(key.Prefix, ct);
        if (remembered?.Holder is not { Key: { RevokedAt: null } row } holder
            || !CryptographicOperations.FixedTimeEquals(hash, row.KeyHash)
            || row.ExpiresAt <= clock.GetUtcNow())
        {
            return null;
        }

        await NoteUseAsync(remembered, ct);
        return holder;
    }

    private async Task<Remembered?> RememberedRowAsync(string prefix, CancellationToken ct)
    {
        if (remembered.TryGetValue(prefix, out var known) && clock.GetElapsedTime(known.ReadAt) < RememberFor)
        {
            return known;
        }

        await using var scope = scopes.CreateAsyncScope();
        var db = scope.ServiceProvider.GetRequiredService<JobsDb>();
        var holder = await db.ApiKeys
            .Where(key => key.Prefix == prefix)
            .Join(db.Tenants, key => key.TenantId, tenant => tenant.Id, (key, tenant) => new KeyHolder(key, tenant))
            .SingleOrDefaultAsync(ct);
        if (holder is null)
        {
            // Unknown keys are not remembered: whoever guesses must not fill the memory.
            remembered.TryRemove(prefix, out _);
            return null;
        }

        if (remembered.Count >= MostRemembered)
        {
            remembered.Clear();
        }

        return remembered[prefix] = new Remembered(holder, clock.GetTimestamp()) { UsedAt = holder.Key.LastUsedAt };
    }

    /// <summary>Writes <c>last_used_at</c> at most once a minute.</summary>
    private async Task NoteUseAsync(Remembered remembered, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (now - remembered.UsedAt < UseGranularity)
        {
            return;
        }

        remembered.UsedAt = now;
        await using var command = database.CreateCommand(
            "update api_keys set last_used_at = clock_timestamp() where id = $1 and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = remembered.Holder.Key.Id });
        await command.ExecuteNonQueryAsync(ct);
    }

    private sealed record Remembered(KeyHolder Holder, long ReadAt)
    {
        public DateTimeOffset? UsedAt { get; set; }
    }
}
