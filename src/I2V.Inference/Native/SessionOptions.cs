using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace I2V.Inference.Native;

public enum GraphOptimizationLevel
{
    DisableAll = 0,
    Basic = 1,
    Extended = 2,
    Layout = 3,
    EnableAll = 99,
}

public enum ExecutionMode
{
    Sequential = 0,
    Parallel = 1,
}

/// <summary>How a session is loaded and where it runs. Providers are tried in the order they are appended; the processor is always the last.</summary>
public sealed unsafe class SessionOptions : OrtHandle
{
    public SessionOptions()
        : base(Create())
    {
    }

    /// <summary>Default: everything that the runtime knows.</summary>
    public GraphOptimizationLevel GraphOptimizationLevel
    {
        get;
        set => field = Apply(value, pointer => OrtApi.SetSessionGraphOptimizationLevel(pointer, (int)value), "SetSessionGraphOptimizationLevel");
    } = GraphOptimizationLevel.EnableAll;

    public ExecutionMode ExecutionMode
    {
        get;
        set => field = Apply(value, pointer => OrtApi.SetSessionExecutionMode(pointer, (int)value), "SetSessionExecutionMode");
    } = ExecutionMode.Sequential;

    /// <summary>Threads inside one operator; 0 lets the runtime choose.</summary>
    public int IntraOpNumThreads
    {
        get;
        set => field = Apply(value, pointer => OrtApi.SetIntraOpNumThreads(pointer, value), "SetIntraOpNumThreads");
    }

    /// <summary>Threads across operators; used by <see cref="ExecutionMode.Parallel"/> only.</summary>
    public int InterOpNumThreads
    {
        get;
        set => field = Apply(value, pointer => OrtApi.SetInterOpNumThreads(pointer, value), "SetInterOpNumThreads");
    }

    /// <summary>Whether the processor's memory is kept in a pool that only grows.</summary>
    public bool EnableCpuMemArena
    {
        get;
        set => field = Apply(value, pointer => value ? OrtApi.EnableCpuMemArena(pointer) : OrtApi.DisableCpuMemArena(pointer), "EnableCpuMemArena");
    } = true;

    /// <summary>Whether a run asks for its memory in one block, from the sizes of the run before.</summary>
    public bool EnableMemoryPattern
    {
        get;
        set => field = Apply(value, pointer => value ? OrtApi.EnableMemPattern(pointer) : OrtApi.DisableMemPattern(pointer), "EnableMemPattern");
    } = true;

    /// <summary>Names the session in the runtime's log.</summary>
    public string LogId
    {
        get;
        set
        {
            using var text = NativeString.Utf8(value);
            using var self = Use();
            OrtApi.Check(OrtApi.SetSessionLogId(self.Pointer, text.Pointer), "SetSessionLogId");
            field = value;
        }
    } = "";

    public OrtLoggingLevel LogSeverityLevel
    {
        get;
        set => field = Apply(value, pointer => OrtApi.SetSessionLogSeverityLevel(pointer, (int)value), "SetSessionLogSeverityLevel");
    } = OrtLoggingLevel.Warning;

    /// <summary>Sets one of the runtime's named options of a session, such as <c>session.intra_op.allow_spinning</c>; a second value replaces the first.</summary>
    public void AddSessionConfigEntry(string key, string value)
    {
        using var self = Use();
        using var name = NativeString.Utf8(key);
        using var text = NativeString.Utf8(value);
        OrtApi.Check(OrtApi.AddSessionConfigEntry(self.Pointer, name.Pointer, text.Pointer), "AddSessionConfigEntry");
    }

    /// <summary>The value of a named option, or null when it was not set.</summary>
    public string? GetSessionConfigEntry(string key)
    {
        using var self = Use();
        using var name = NativeString.Utf8(key);
        int exists;
        OrtApi.Check(OrtApi.HasSessionConfigEntry(self.Pointer, name.Pointer, &exists), "HasSessionConfigEntry");
        if (exists == 0)
        {
            return null;
        }

        nuint size = 0;
        OrtApi.Check(OrtApi.GetSessionConfigEntry(self.Pointer, name.Pointer, null, &size), "GetSessionConfigEntry");
        var value = new byte[(int)size];
        fixed (byte* first = value)
        {
            OrtApi.Check(OrtApi.GetSessionConfigEntry(self.Pointer, name.Pointer, first, &size), "GetSessionConfigEntry");
        }

        return Encoding.UTF8.GetString(value.AsSpan().TrimEnd((byte)0));
    }

    /// <summary>Gives a symbolic dimension of the graph's inputs a fixed size.</summary>
    public void AddFreeDimensionOverrideByName(string dimension, long size)
    {
        using var self = Use();
        using var name = NativeString.Utf8(dimension);
        OrtApi.Check(OrtApi.AddFreeDimensionOverrideByName(self.Pointer, name.Pointer, size), "AddFreeDimensionOverrideByName");
    }

    /// <summary>Appends a provider by name: <c>WebGPU</c> and others. CUDA and TensorRT have functions of their own.</summary>
    /// <exception cref="OrtException">The runtime was built without it, or it finds no device.</exception>
    public void AppendExecutionProvider(string providerName, IReadOnlyDictionary<string, string>? providerOptions = null)
    {
        var options = providerOptions ?? new Dictionary<string, string>();
        using var self = Use();
        using var name = NativeString.Utf8(providerName);
        using var keys = new NativeStrings(options.Keys);
        using var values = new NativeStrings(options.Values);
        fixed (nint* firstKey = keys.Pointers, firstValue = values.Pointers)
        {
            OrtApi.Check(
                OrtApi.AppendProvider(self.Pointer, name.Pointer, firstKey, firstValue, (nuint)options.Count),
                "SessionOptionsAppendExecutionProvider");
        }
    }

    /// <exception cref="OrtException">The provider's library or one that it needs is missing, or there is no such device.</exception>
    [SuppressMessage("Naming", "CA1707", Justification = "The official name.")]
    public void AppendExecutionProvider_CUDA(OrtCUDAProviderOptions cudaProviderOptions)
    {
        using var self = Use();
        using var options = cudaProviderOptions.Use();
        OrtApi.Check(OrtApi.AppendCuda(self.Pointer, options.Pointer), "SessionOptionsAppendExecutionProvider_CUDA_V2");
    }

    /// <exception cref="OrtException">The provider's library or one that it needs is missing, or there is no such device.</exception>
    [SuppressMessage("Naming", "CA1707", Justification = "The official name.")]
    public void AppendExecutionProvider_Tensorrt(OrtTensorRTProviderOptions trtProviderOptions)
    {
        using var self = Use();
        using var options = trtProviderOptions.Use();
        OrtApi.Check(OrtApi.AppendTensorRT(self.Pointer, options.Pointer), "SessionOptionsAppendExecutionProvider_TensorRT_V2");
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseSessionOptions(handle);
        return true;
    }

    private static nint Create()
    {
        // Providers log while they are configured, and only the environment gives them a log.
        _ = OrtEnv.Instance();
        nint options;
        OrtApi.Check(OrtApi.CreateSessionOptions(&options), "CreateSessionOptions");
        return options;
    }

    private T Apply<T>(T value, Func<nint, nint> set, string call)
    {
        using var self = Use();
        OrtApi.Check(set(self.Pointer), call);
        return value;
    }
}
