namespace I2V.Protocol.Jobs;

/// <summary>
/// Everything about the wanted film but the image itself, with the names of the request's <c>input</c>.
/// In <c>requested</c> a null means that the user left it open; in <c>applied</c> and in a claimed job nothing that the model uses is null.
/// </summary>
public record JobSettings
{
    /// <summary>What should happen in the film; up to 4,000 characters.</summary>
    public string? Prompt { get; init; }

    public string? NegativePrompt { get; init; }

    /// <summary>Pixels; a multiple of what the model asks for, and even.</summary>
    public int? Width { get; init; }

    /// <summary>Pixels; a multiple of what the model asks for, and even.</summary>
    public int? Height { get; init; }

    public int? NumFrames { get; init; }

    /// <summary>Frames per second of the film.</summary>
    public int? Fps { get; init; }

    /// <summary>Denoising steps.</summary>
    public int? Steps { get; init; }

    public double? GuidanceScale { get; init; }

    /// <summary>0 … 2⁵³ − 1, so that JavaScript can hold it; drawn by the gateway when left open.</summary>
    public long? Seed { get; init; }

    /// <summary><c>draft</c>, <c>standard</c> or <c>final</c>, where the model has them.</summary>
    public string? Preset { get; init; }

    /// <summary>How far the camera goes, 0 … 1; only for models that move a camera.</summary>
    public double? MotionAmount { get; init; }
}

public enum FitPolicy
{
    Unknown = 0,
    Degrade = 1,
    Wait = 2,
    Fail = 3,
}

/// <summary>What may be changed to make the job fit a card, and how far.</summary>
public sealed record JobFit
{
    public FitPolicy Policy { get; init; } = FitPolicy.Degrade;

    public int? MinWidth { get; init; }

    public int? MinHeight { get; init; }

    public int? MinFrames { get; init; }
}

public sealed record JobOutputOptions
{
    /// <summary>Only <c>mp4</c>.</summary>
    public string Format { get; init; } = "mp4";

    /// <summary>Seconds from the job's end that its film is kept and that links to it work; 60 … 604,800.</summary>
    public int ExpiresIn { get; init; } = 86_400;
}
