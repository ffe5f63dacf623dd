namespace I2V.Inference.Native;

public enum OrtAllocatorType
{
    Invalid = -1,
    DeviceAllocator = 0,
    ArenaAllocator = 1,
}

public enum OrtMemType
{
    /// <summary>Memory of the processor that a device's kernels read.</summary>
    CpuInput = -2,

    /// <summary>Memory of the processor that a device's kernels write.</summary>
    CpuOutput = -1,

    Default = 0,
}

/// <summary>Names a place where tensors lie: a device and one of its allocators.</summary>
public sealed unsafe class OrtMemoryInfo : OrtHandle
{
    // Not remembered when it fails: the library may be there the next time.
    private static readonly Lazy<OrtMemoryInfo> Cpu = new(CreateCpu, LazyThreadSafetyMode.PublicationOnly);

    /// <param name="name"><c>Cpu</c>, <c>Cuda</c>, <c>CudaPinned</c>, <c>WebGPU_Buffer</c>, …</param>
    /// <param name="allocatorType">Whether through the arena.</param>
    /// <param name="id">Number of the device, from 0.</param>
    /// <param name="memoryType">Which side reads and writes it.</param>
    /// <exception cref="OrtException">The runtime does not know the name.</exception>
    public OrtMemoryInfo(string name, OrtAllocatorType allocatorType, int id, OrtMemType memoryType)
        : base(Create(name, allocatorType, id, memoryType))
    {
    }

    private OrtMemoryInfo(nint pointer)
        : base(pointer)
    {
    }

    /// <summary>The processor's own memory.</summary>
    public static OrtMemoryInfo DefaultInstance => Cpu.Value;

    public string Name
    {
        get
        {
            using var self = Use();
            byte* name;
            OrtApi.Check(OrtApi.MemoryInfoGetName(self.Pointer, &name), "MemoryInfoGetName");
            return OrtApi.Text(name);
        }
    }

    /// <summary>Number of the device, from 0.</summary>
    public int Id
    {
        get
        {
            using var self = Use();
            int id;
            OrtApi.Check(OrtApi.MemoryInfoGetId(self.Pointer, &id), "MemoryInfoGetId");
            return id;
        }
    }

    /// <summary>The native object, which whoever asked owns from now on.</summary>
    internal nint Detach()
    {
        var pointer = handle;
        SetHandleAsInvalid();
        return pointer;
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseMemoryInfo(handle);
        return true;
    }

    private static OrtMemoryInfo CreateCpu()
    {
        nint info;
        OrtApi.Check(OrtApi.CreateCpuMemoryInfo((int)OrtAllocatorType.ArenaAllocator, (int)OrtMemType.Default, &info), "CreateCpuMemoryInfo");
        return new OrtMemoryInfo(info);
    }

    private static nint Create(string name, OrtAllocatorType allocatorType, int id, OrtMemType memoryType)
    {
        using var utf8 = NativeString.Utf8(name);
        nint info;
        OrtApi.Check(OrtApi.CreateMemoryInfo(utf8.Pointer, (int)allocatorType, id, (int)memoryType, &info), "CreateMemoryInfo");
        return info;
    }
}
