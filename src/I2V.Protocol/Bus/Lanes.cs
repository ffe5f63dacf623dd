namespace I2V.Protocol.Bus;

/// <summary>Names of the ticket queues: one per model, and one per model and memory tier for jobs that may not be degraded.</summary>
public static class Lanes
{
    /// <summary>Tiers in GB = 2³⁰ bytes.</summary>
    public static IReadOnlyList<int> Tiers { get; } = [8, 12, 16, 24, 32, 48, 80];

    /// <summary>The queue of <paramref name="model"/>; every queue of ours begins with <c>i2v.lane.</c></summary>
    public static string ForModel(string model) => "i2v.lane." + model;

    public static string ForTier(string model, int tierGb) => FormattableString.Invariant($"i2v.lane.{model}.{tierGb}gb");

    /// <summary>
    /// The lane of a job that needs at least so much of a card: that of the highest tier which every such card reaches, so that no
    /// card that would do is left out.
    /// </summary>
    public static string ForNeed(string model, long neededBytes) =>
        Tiers.LastOrDefault(tier => Reaches(neededBytes, tier)) is > 0 and var tierGb ? ForTier(model, tierGb) : ForModel(model);

    /// <summary>Every lane that a device of this size serves; a card reaches a tier with 95 % of its bytes, since drivers keep some.</summary>
    public static IReadOnlyList<string> Served(IEnumerable<string> models, long deviceBytes) =>
    [
        .. models.SelectMany(model => Tiers
            .Where(tier => Reaches(deviceBytes, tier))
            .Select(tier => ForTier(model, tier))
            .Prepend(ForModel(model))),
    ];

    private static bool Reaches(long bytes, int tierGb) => bytes >= 0.95 * tierGb * (1L << 30);
}
