namespace I2V.Worker.RenderJob;

/// <summary>Why a running attempt was told to stop. The first reason stays.</summary>
internal enum AttemptStop
{
    None = 0,

    /// <summary>The user canceled the job: say so with <c>fail</c>.</summary>
    Canceled = 1,

    /// <summary>The lease is gone, or may be: say nothing more.</summary>
    Lost = 2,

    /// <summary>The attempt took longer than it may.</summary>
    RunTimeout = 3,

    /// <summary>The worker stops: give the job back.</summary>
    Draining = 4,
}

/// <summary>How an attempt ended, as this worker knows it.</summary>
internal enum AttemptOutcome
{
    Unknown = 0,
    Succeeded = 1,
    Failed = 2,
    Canceled = 3,
    Released = 4,
    Lost = 5,

    /// <summary>It does not fit this worker now, and goes back to the queue.</summary>
    Refused = 6,
}
