namespace I2V.Inference.Native;

/// <summary>How much ONNX Runtime writes to the standard error stream.</summary>
public enum OrtLoggingLevel
{
    Verbose = 0,
    Info = 1,
    Warning = 2,
    Error = 3,
    Fatal = 4,
}

/// <summary>The process-wide state of ONNX Runtime. There is one; it lives as long as the process.</summary>
public sealed unsafe class OrtEnv : OrtHandle
{
    private static readonly Lock Gate = new();
    private static OrtEnv? instance;

    private OrtEnv(nint pointer)
        : base(pointer)
    {
    }

    /// <summary>The environment; the first call loads the native library. Logs errors only.</summary>
    /// <exception cref="Pipelines.GenerationException">The library is missing or unusable.</exception>
    public static OrtEnv Instance()
    {
        lock (Gate)
        {
            return instance ??= new OrtEnv(Create());
        }
    }

    /// <summary>The native library's version, such as <c>1.30.0</c>.</summary>
    public static string GetVersionString() => OrtApi.VersionString;

    /// <summary>
    /// Names of the providers compiled into the native library, the fastest first. One in the list can still lack its
    /// own library or device: appending it to <see cref="SessionOptions"/> tells.
    /// </summary>
    public static IReadOnlyList<string> GetAvailableProviders()
    {
        byte** names;
        int count;
        OrtApi.Check(OrtApi.GetAvailableProviders(&names, &count), "GetAvailableProviders");
        try
        {
            var providers = new string[count];
            for (var i = 0; i < count; i++)
            {
                providers[i] = OrtApi.Text(names[i]);
            }

            return providers;
        }
        finally
        {
            OrtApi.Check(OrtApi.ReleaseAvailableProviders(names, count), "ReleaseAvailableProviders");
        }
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseEnv(handle);
        return true;
    }

    private static nint Create()
    {
        using var name = NativeString.Utf8("i2v");
        nint env;
        OrtApi.Check(OrtApi.CreateEnv((int)OrtLoggingLevel.Error, name.Pointer, &env), "CreateEnv");
        return env;
    }
}
