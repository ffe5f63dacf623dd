namespace I2V.ModelBuilder.Checkpoints.Hub;

/// <summary>A checkpoint that cannot be fetched; the message is one sentence for the user and holds no token.</summary>
public sealed class HubException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>True when the same call may succeed a little later.</summary>
    public bool IsTransient { get; init; }
}
