using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>What was asked, with every default filled in and checked against the model's limits.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="NumFrames">Of the film.</param>
/// <param name="Steps">Denoising steps; 0 for models without.</param>
/// <param name="Guided">True when two guidance halves are computed.</param>
public sealed record PlanRequest(int Width, int Height, int NumFrames, int Steps, bool Guided);

/// <summary>What may be done when the card is too small.</summary>
public enum FitMode
{
    /// <summary>Anything on the ladder, down to the floors.</summary>
    Degrade = 0,

    /// <summary>Exact techniques only: otherwise another card, or later.</summary>
    Wait = 1,

    /// <summary>Exact techniques only: otherwise the job fails.</summary>
    Fail = 2,
}

/// <summary>The user's wishes and floors. A floor that is null is the model's own minimum; for frames it is 8, where the model makes as many.</summary>
public sealed record FitRules(FitMode Mode, int? MinWidth = null, int? MinHeight = null, int? MinFrames = null)
{
    public static FitRules Default { get; } = new(FitMode.Degrade);
}

/// <summary>One thing that is not as asked.</summary>
/// <param name="Code">Such as <c>frame_rule</c>, <c>rung_lowered</c>, <c>resolution_reduced</c>, <c>frames_reduced</c>, <c>vae_tiled</c>, <c>weights_int8</c>, <c>temporal_windows</c>.</param>
/// <param name="Field">The setting, <c>resolution</c> for width and height, or <c>techniques</c>.</param>
/// <param name="From">As asked.</param>
/// <param name="To">As applied.</param>
/// <param name="NeededBytes">Predicted for what was asked; null when the envelope decided.</param>
/// <param name="FreeBytes">The budget at that moment.</param>
/// <param name="Message">One sentence for the user: what changed and why.</param>
public sealed record PlannedDegradation(string Code, string Field, string From, string To, long? NeededBytes, long? FreeBytes, string Message);

/// <summary>How a request will be carried out on a device.</summary>
public sealed record Plan
{
    /// <summary>As applied: the request's own values, or smaller ones.</summary>
    public required PlanRequest Settings { get; init; }

    public required Rung Rung { get; init; }

    /// <summary>Phase → bytes of the whole process at most.</summary>
    public required IReadOnlyDictionary<GenerationPhase, long> PhasePeakBytes { get; init; }

    public long PeakBytes => PhasePeakBytes.Values.DefaultIfEmpty().Max();

    /// <summary>The budget that it was made for.</summary>
    public required long BudgetBytes { get; init; }

    /// <summary>Seconds of a warm run; null where nothing was measured that could tell.</summary>
    public double? Seconds { get; init; }

    public IReadOnlyList<PlannedDegradation> Degradations { get; init; } = [];
}

/// <summary>Why there is no plan.</summary>
/// <param name="Code">An error code of the protocol: <c>vram_insufficient</c>, <c>ram_insufficient</c>, <c>frame_rule</c> or <c>invalid_input</c>.</param>
/// <param name="NeededBytes">Of the smallest plan that the rules allow.</param>
/// <param name="BudgetBytes">What there was.</param>
/// <param name="Message">One sentence for the user.</param>
public sealed record PlanRefusal(string Code, long NeededBytes, long BudgetBytes, string Message);
