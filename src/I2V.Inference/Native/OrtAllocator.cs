namespace I2V.Inference.Native;

/// <summary>Gives out memory of one place; the one made from a session is the session's own and shows its statistics.</summary>
public sealed unsafe class OrtAllocator : OrtHandle
{
    // Not remembered when it fails: the library may be there the next time.
    private static readonly Lazy<OrtAllocator> Plain = new(() => new OrtAllocator(Default()), LazyThreadSafetyMode.PublicationOnly);

    private readonly InferenceSession? session;

    /// <param name="session">Whose allocator it is; stays alive as long as this object.</param>
    /// <param name="memoryInfo">The place.</param>
    /// <exception cref="OrtException">The session has no allocator for that place.</exception>
    public OrtAllocator(InferenceSession session, OrtMemoryInfo memoryInfo)
        : base(Create(session, memoryInfo))
    {
        var added = false;
        session.DangerousAddRef(ref added);
        this.session = session;
    }

    private OrtAllocator(nint pointer)
        : base(pointer, ownsHandle: false)
    {
    }

    /// <summary>The processor's plain allocator; never released.</summary>
    public static OrtAllocator DefaultInstance => Plain.Value;

    /// <summary>
    /// The allocator's own figures, such as <c>InUse</c>, <c>MaxInUse</c>, <c>TotalAllocated</c> (bytes) and
    /// <c>NumAllocs</c>. Empty when the allocator keeps none.
    /// </summary>
    public IReadOnlyDictionary<string, string> GetStats()
    {
        using var self = Use();
        nint pairs;
        OrtApi.Check(OrtApi.AllocatorGetStats(self.Pointer, &pairs), "AllocatorGetStats");
        if (pairs == 0)
        {
            return new Dictionary<string, string>();
        }

        try
        {
            nint* keys;
            nint* values;
            nuint count;
            OrtApi.GetKeyValuePairs(pairs, &keys, &values, &count);
            var stats = new Dictionary<string, string>();
            for (nuint i = 0; i < count; i++)
            {
                stats[OrtApi.Text((byte*)keys[i])] = OrtApi.Text((byte*)values[i]);
            }

            return stats;
        }
        finally
        {
            OrtApi.ReleaseKeyValuePairs(pairs);
        }
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseAllocator(handle);
        session?.DangerousRelease();
        return true;
    }

    private static nint Default()
    {
        nint allocator;
        OrtApi.Check(OrtApi.GetAllocatorWithDefaultOptions(&allocator), "GetAllocatorWithDefaultOptions");
        return allocator;
    }

    private static nint Create(InferenceSession session, OrtMemoryInfo memoryInfo)
    {
        using var owner = session.Use();
        using var info = memoryInfo.Use();
        nint allocator;
        OrtApi.Check(OrtApi.CreateAllocator(owner.Pointer, info.Pointer, &allocator), "CreateAllocator");
        return allocator;
    }
}
