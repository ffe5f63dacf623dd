using System.Text.Json;
using I2V.Protocol;
using Npgsql;
using NpgsqlTypes;

namespace I2V.Gateway.Scheduling;

/// <summary>Positional parameters with their types said, so that a null is a null of that type.</summary>
internal static class SqlParameters
{
    public static NpgsqlParameterCollection Uuid(this NpgsqlParameterCollection all, Guid? value) => all.With(NpgsqlDbType.Uuid, value);

    public static NpgsqlParameterCollection Text(this NpgsqlParameterCollection all, string? value) => all.With(NpgsqlDbType.Text, value);

    public static NpgsqlParameterCollection Texts(this NpgsqlParameterCollection all, IEnumerable<string>? values) =>
        all.With(NpgsqlDbType.Array | NpgsqlDbType.Text, values?.ToArray());

    public static NpgsqlParameterCollection Bytes(this NpgsqlParameterCollection all, byte[]? value) => all.With(NpgsqlDbType.Bytea, value);

    public static NpgsqlParameterCollection Int(this NpgsqlParameterCollection all, int? value) => all.With(NpgsqlDbType.Integer, value);

    public static NpgsqlParameterCollection Long(this NpgsqlParameterCollection all, long? value) => all.With(NpgsqlDbType.Bigint, value);

    public static NpgsqlParameterCollection Seconds(this NpgsqlParameterCollection all, double value) => all.With(NpgsqlDbType.Double, value);

    public static NpgsqlParameterCollection Span(this NpgsqlParameterCollection all, TimeSpan? value) => all.With(NpgsqlDbType.Interval, value);

    public static NpgsqlParameterCollection Time(this NpgsqlParameterCollection all, DateTime? value) => all.With(NpgsqlDbType.TimestampTz, value);

    public static NpgsqlParameterCollection Flag(this NpgsqlParameterCollection all, bool? value) => all.With(NpgsqlDbType.Boolean, value);

    public static NpgsqlParameterCollection Json<T>(this NpgsqlParameterCollection all, T? value) =>
        all.With(NpgsqlDbType.Jsonb, value is null ? null : JsonSerializer.Serialize(value, I2VJson.Options));

    public static NpgsqlParameterCollection Lease(this NpgsqlParameterCollection all, Lease lease) =>
        all.Uuid(lease.JobId).Int(lease.Attempt).Uuid(lease.Token);

    private static NpgsqlParameterCollection With(this NpgsqlParameterCollection all, NpgsqlDbType type, object? value)
    {
        all.Add(new NpgsqlParameter { NpgsqlDbType = type, Value = value ?? DBNull.Value });
        return all;
    }
}
