using System.Text.Json;
using System.Text.Json.Serialization;
using I2V.Inference.Devices;

namespace I2V.Tests.Inference.Devices;

/// <summary>
/// A device whose answers are a recorded trace: the first line says what the device is, each further one what it answers
/// from that second of the test's clock on.
/// </summary>
internal sealed class RecordedProbe : IGpuProbe
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private readonly TimeProvider time;
    private readonly DateTimeOffset start;
    private readonly List<Line> lines;

    private RecordedProbe(string[] trace, TimeProvider time)
    {
        this.time = time;
        start = time.GetUtcNow();
        Facts = JsonSerializer.Deserialize<GpuFacts>(trace[0], Json)!;
        lines = [.. trace.Skip(1).Select(line => JsonSerializer.Deserialize<Line>(line, Json)!)];
    }

    public GpuFacts Facts { get; }

    public int Questions { get; private set; }

    /// <param name="name">Of a file in the folder <c>traces</c>.</param>
    public static RecordedProbe Open(string name, TimeProvider time) =>
        new(File.ReadAllLines(Path.Combine(Repository.Root, "tests/I2V.Tests/Inference/Devices/traces", name + ".jsonl")), time);

    public GpuSample Read()
    {
        Questions++;
        var now = time.GetUtcNow();
        var line = lines.Last(line => line.Second <= (now - start).TotalSeconds);
        return line.Failure is { } failure
            ? throw new DeviceException(failure, $"The GPU {Facts.Id} answered {failure}.")
            : new GpuSample
            {
                TakenAt = now,
                Memory = new GpuMemory(Facts.TotalBytes, line.FreeBytes, line.UsedBytes, line.ProcessBytes),
                UtilizationPercent = line.UtilizationPercent,
                TemperatureCelsius = line.TemperatureCelsius,
                PowerWatts = line.PowerWatts,
                PowerLimitWatts = line.PowerLimitWatts,
                Processes = line.Processes,
            };
    }

    private sealed record Line
    {
        public required double Second { get; init; }

        public DeviceError? Failure { get; init; }

        public long FreeBytes { get; init; }

        public long UsedBytes { get; init; }

        public long? ProcessBytes { get; init; }

        public int? UtilizationPercent { get; init; }

        public int? TemperatureCelsius { get; init; }

        public double? PowerWatts { get; init; }

        public double? PowerLimitWatts { get; init; }

        public IReadOnlyList<GpuProcess>? Processes { get; init; }
    }
}
