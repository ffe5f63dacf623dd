using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>
/// <see cref="DeviceMemory"/> as ONNX Runtime sees it: an allocator that the environment has for the device, used by every
/// session that is loaded with <see cref="SessionOption"/> = 1. (The CUDA provider's own options for functions of the
/// caller are dropped on their way through the C API.) The functions are called from native code, on any of its threads:
/// an exception that left one would end the process, so none does.
/// </summary>
internal static unsafe class DeviceMemoryCallbacks
{
    public const string SessionOption = "session.use_env_allocators";

    /// <summary>The version of the struct that ends with Reserve: what came later is optional.</summary>
    private const uint StructVersion = 18;

    private static Table* registered;

    /// <summary>Where the functions are that give and take.</summary>
    internal static (nint Allocate, nint Free) Addresses
    {
        get
        {
            var functions = Functions();
            return ((nint)functions.Alloc, (nint)functions.Free);
        }
    }

    /// <summary>Gives the environment the allocator of a device; it stays for the life of the process.</summary>
    /// <exception cref="OrtException">The runtime refuses it.</exception>
    public static void Register(int deviceId)
    {
        if (registered is not null)
        {
            return;
        }

        var table = (Table*)NativeMemory.AllocZeroed((nuint)sizeof(Table));
        *table = Functions();
        var info = new OrtMemoryInfo("Cuda", OrtAllocatorType.DeviceAllocator, deviceId, OrtMemType.Default);
        table->MemoryInfo = info.Detach();
        using var env = OrtEnv.Instance().Use();
        OrtApi.Check(OrtApi.RegisterAllocator(env.Pointer, (nint)table), "RegisterAllocator");
        registered = table;
    }

    /// <summary>The functions without a place.</summary>
    private static Table Functions() => new()
    {
        Version = StructVersion,
        Alloc = &Allocate,
        Free = &Free,
        Info = &Info,
        Reserve = &Allocate,
    };

    [UnmanagedCallersOnly]
    [SuppressMessage("Design", "CA1031", Justification = "See the type.")]
    private static nint Allocate(Table* self, nuint bytes)
    {
        var memory = DeviceMemory.Current;
        try
        {
            return memory is null || bytes == 0 ? 0 : memory.AllocateOrStandIn(bytes);
        }
        catch (Exception)
        {
            memory?.NoteFault();
            return 0;
        }
    }

    [UnmanagedCallersOnly]
    [SuppressMessage("Design", "CA1031", Justification = "See the type.")]
    private static void Free(Table* self, nint address)
    {
        var memory = DeviceMemory.Current;
        try
        {
            memory?.Free(address);
        }
        catch (Exception)
        {
            memory?.NoteFault();
        }
    }

    [UnmanagedCallersOnly]
    private static nint Info(Table* self) => self->MemoryInfo;

    /// <summary><c>OrtAllocator</c>, and behind it what is ours.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Table
    {
        public uint Version;
        public delegate* unmanaged<Table*, nuint, nint> Alloc;
        public delegate* unmanaged<Table*, nint, void> Free;
        public delegate* unmanaged<Table*, nint> Info;
        public delegate* unmanaged<Table*, nuint, nint> Reserve;
        public nint GetStats;
        public nint AllocOnStream;
        public nint Shrink;
        public nint MemoryInfo;
    }
}
