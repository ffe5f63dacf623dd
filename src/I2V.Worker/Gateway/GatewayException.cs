namespace I2V.Worker.Gateway;

internal enum GatewayError
{
    Unknown = 0,

    /// <summary>No answer: connection refused, cut, or too slow.</summary>
    Unreachable = 1,

    /// <summary>The gateway failed or is too busy: 408, 429, 5xx.</summary>
    Failed = 2,

    /// <summary>The lease is gone: 409.</summary>
    Lost = 3,

    /// <summary>The gateway does not know this worker or lease: 404.</summary>
    NotFound = 4,

    /// <summary>The worker key is wrong or revoked: 401, 403.</summary>
    Unauthorized = 5,

    /// <summary>The gateway read the request and refused it: another 4xx.</summary>
    Refused = 6,
}

/// <summary>A call to the gateway that did not succeed. The message holds the gateway's own words and never an address.</summary>
internal sealed class GatewayException(GatewayError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public GatewayError Error { get; } = error;

    /// <summary>True when the same call may succeed in a moment.</summary>
    public bool IsTransient => Error is GatewayError.Unreachable or GatewayError.Failed;

    /// <summary>True when the attempt belongs to nobody or somebody else: stop and say nothing more.</summary>
    public bool IsLost => Error is GatewayError.Lost or GatewayError.NotFound;
}
