using I2V.Protocol.Workers;

namespace I2V.Protocol.Jobs;

/// <summary>A model as <c>GET /v1/models</c> tells it: what a request may ask of it.</summary>
public sealed record ModelObject
{
    /// <summary>The name to put into <c>model</c>.</summary>
    public required string Id { get; init; }

    public string Object { get; init; } = "model";

    public required string Family { get; init; }

    public required string Version { get; init; }

    public string? License { get; init; }

    public string? Description { get; init; }

    /// <summary>True for the model that a request gets which names none.</summary>
    public required bool Default { get; init; }

    public required ModelLimits Limits { get; init; }

    /// <summary>Names of <c>input</c> that the model reads; the others are accepted with a warning.</summary>
    public required IReadOnlyList<string> UsedSettings { get; init; }

    public required JobSettings Defaults { get; init; }

    public required IReadOnlyDictionary<string, JobSettings> Presets { get; init; }

    /// <summary>What live workers do with the sizes of their tables, alike ones together.</summary>
    public required IReadOnlyList<DeviceFit> Fit { get; init; }
}

/// <summary>The table of the workers on devices of one name.</summary>
/// <param name="Device">The device's name.</param>
/// <param name="MemoryTotalBytes">Of the smallest of them.</param>
/// <param name="Workers">How many workers.</param>
/// <param name="Rows">Of the one with the smallest memory.</param>
public sealed record DeviceFit(string Device, long MemoryTotalBytes, int Workers, IReadOnlyList<FitRow> Rows);

/// <summary>All models that workers have brought, by name.</summary>
public sealed record ModelList(IReadOnlyList<ModelObject> Data)
{
    public string Object { get; init; } = "list";
}
