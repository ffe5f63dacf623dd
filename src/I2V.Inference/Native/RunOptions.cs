namespace I2V.Inference.Native;

/// <summary>Options of one run. <see cref="Terminate"/> may be set from any thread; the rest before the run.</summary>
public sealed unsafe class RunOptions : OrtHandle
{
    private bool terminate;
    private string runTag = "";

    public RunOptions()
        : base(Create())
    {
    }

    /// <summary>Asks the run that uses these options to stop at the next operator; stays set until set to false.</summary>
    public bool Terminate
    {
        get => Volatile.Read(ref terminate);
        set
        {
            using var self = Use();
            if (value)
            {
                OrtApi.Check(OrtApi.RunOptionsSetTerminate(self.Pointer), "RunOptionsSetTerminate");
            }
            else
            {
                OrtApi.Check(OrtApi.RunOptionsUnsetTerminate(self.Pointer), "RunOptionsUnsetTerminate");
            }

            Volatile.Write(ref terminate, value);
        }
    }

    /// <summary>Names the run in the runtime's log.</summary>
    public string RunTag
    {
        get => runTag;
        set
        {
            using var self = Use();
            using var tag = NativeString.Utf8(value);
            OrtApi.Check(OrtApi.RunOptionsSetRunTag(self.Pointer, tag.Pointer), "RunOptionsSetRunTag");
            runTag = value;
        }
    }

    public void SetLogSeverityLevel(OrtLoggingLevel level)
    {
        using var self = Use();
        OrtApi.Check(OrtApi.RunOptionsSetRunLogSeverityLevel(self.Pointer, (int)level), "RunOptionsSetRunLogSeverityLevel");
    }

    /// <summary>Sets one of the runtime's named options of a run, such as <c>memory.enable_memory_arena_shrinkage</c>.</summary>
    public void AddRunConfigEntry(string key, string value)
    {
        using var self = Use();
        using var name = NativeString.Utf8(key);
        using var text = NativeString.Utf8(value);
        OrtApi.Check(OrtApi.AddRunConfigEntry(self.Pointer, name.Pointer, text.Pointer), "AddRunConfigEntry");
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseRunOptions(handle);
        return true;
    }

    private static nint Create()
    {
        nint options;
        OrtApi.Check(OrtApi.CreateRunOptions(&options), "CreateRunOptions");
        return options;
    }
}
