namespace I2V.Inference.Native;

/// <summary>ONNX Runtime's reasons for a failed call.</summary>
public enum OrtErrorCode
{
    Ok = 0,
    Fail = 1,
    InvalidArgument = 2,
    NoSuchFile = 3,
    NoModel = 4,
    EngineError = 5,
    RuntimeException = 6,
    InvalidProtobuf = 7,
    ModelLoaded = 8,
    NotImplemented = 9,
    InvalidGraph = 10,
    ExecutionProviderFail = 11,
}

/// <summary>A call into ONNX Runtime that returned a failed status.</summary>
public sealed class OrtException : Exception
{
    internal OrtException(string call, OrtErrorCode errorCode, string message)
        : base($"ONNX Runtime: {call} failed with {errorCode}: {OneLine(message)}")
    {
        Call = call;
        ErrorCode = errorCode;
        Detail = OneLine(message);
    }

    /// <summary>The C function that failed.</summary>
    public string Call { get; }

    /// <summary>What kind of failure it is; ask this, never the message.</summary>
    public OrtErrorCode ErrorCode { get; }

    /// <summary>The library's own words, on one line. For people to read: their text changes between versions.</summary>
    public string Detail { get; }

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
