using System.Text.Json;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>Ports and secrets of one stack: made once, kept with its data, readable by its owner only.</summary>
internal sealed record StackSettings
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public required int PostgresPort { get; init; }

    public required int RabbitMqPort { get; init; }

    public required int RabbitMqDistributionPort { get; init; }

    public required int RabbitMqNameServicePort { get; init; }

    public required string PostgresPassword { get; init; }

    public required string RabbitMqPassword { get; init; }

    /// <summary>32 bytes in base64: signs the links of folder storage.</summary>
    public required string SigningKey { get; init; }

    /// <summary>32 bytes in base64: hashes API keys.</summary>
    public required string Pepper { get; init; }

    public required string ApiKey { get; init; }

    public required string WorkerKey { get; init; }

    /// <summary>Reads the settings or makes them; a port that something else has taken meanwhile is replaced and said.</summary>
    public static async Task<StackSettings> LoadAsync(string file, Steps steps, CancellationToken ct)
    {
        var settings = File.Exists(file) ? await ReadAsync(file, ct) : New();
        var checkedPorts = settings.ReplaceTakenPorts(steps);
        await PrivateFile.WriteAsync(file, JsonSerializer.Serialize(checkedPorts, Json), ct);
        return checkedPorts;
    }

    /// <summary>As they were written by <see cref="LoadAsync"/>.</summary>
    public static async Task<StackSettings> ReadAsync(string file, CancellationToken ct)
    {
        try
        {
            return JsonSerializer.Deserialize<StackSettings>(await File.ReadAllTextAsync(file, ct), Json)
                ?? throw new JsonException("The file is empty.");
        }
        catch (JsonException error)
        {
            throw new CliException($"{file} is damaged ({error.Message}): restore it, or start afresh with `i2v down --purge`.", error);
        }
    }

    public LocalPostgresOptions Postgres(string folder) => new(folder, PostgresPort, PostgresPassword);

    public LocalRabbitMqOptions RabbitMq(string folder) =>
        new(folder, RabbitMqPort, RabbitMqDistributionPort, RabbitMqNameServicePort, RabbitMqPassword);

    private static StackSettings New()
    {
        var postgres = FreePorts.Pick();
        var rabbit = FreePorts.Pick(postgres);
        var distribution = FreePorts.Pick(postgres, rabbit);
        return new StackSettings
        {
            PostgresPort = postgres,
            RabbitMqPort = rabbit,
            RabbitMqDistributionPort = distribution,
            RabbitMqNameServicePort = FreePorts.Pick(postgres, rabbit, distribution),
            PostgresPassword = Secrets.Password(),
            RabbitMqPassword = Secrets.Password(),
            SigningKey = Secrets.SigningKey(),
            Pepper = Secrets.SigningKey(),
            ApiKey = Secrets.ApiKey(),
            WorkerKey = Secrets.ApiKey(),
        };
    }

    private StackSettings ReplaceTakenPorts(Steps steps)
    {
        List<int> taken = [PostgresPort, RabbitMqPort, RabbitMqDistributionPort, RabbitMqNameServicePort];

        int Keep(string name, int port)
        {
            if (FreePorts.IsFree(port))
            {
                return port;
            }

            var other = FreePorts.Pick([.. taken]);
            taken.Add(other);
            steps.Say($"port {port} of {name} is taken by another program; it moves to {other}");
            return other;
        }

        return this with
        {
            PostgresPort = Keep("PostgreSQL", PostgresPort),
            RabbitMqPort = Keep("RabbitMQ", RabbitMqPort),
            RabbitMqDistributionPort = Keep("RabbitMQ's node", RabbitMqDistributionPort),
            RabbitMqNameServicePort = Keep("epmd", RabbitMqNameServicePort),
        };
    }
}
