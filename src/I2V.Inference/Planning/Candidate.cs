namespace I2V.Inference.Planning;

/// <summary>A film on a rung.</summary>
/// <param name="Settings">The film.</param>
/// <param name="Rung">How it is made.</param>
/// <param name="Peaks">Predicted bytes of the device.</param>
/// <param name="NeededBytes">The least budget that it fits: for its bytes, and for the package's envelope.</param>
/// <param name="HostBytes">Of the host, for weights.</param>
internal sealed record Candidate(PlanRequest Settings, Rung Rung, PhasePeaks Peaks, long NeededBytes, long HostBytes);
