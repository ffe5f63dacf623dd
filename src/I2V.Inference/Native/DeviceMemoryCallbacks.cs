using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>
/// The functions that the CUDA provider calls for memory. They are called from native code, on any of its threads: an
/// exception that left one would end the process, so none does.
/// </summary>
internal static unsafe class DeviceMemoryCallbacks
{
    /// <summary>The provider options that hand the functions over, as decimal addresses.</summary>
    public static IReadOnlyDictionary<string, string> ProviderOptions { get; } = new Dictionary<string, string>
    {
        ["gpu_external_alloc"] = Text((nint)(delegate* unmanaged<nuint, nint>)&Allocate),
        ["gpu_external_free"] = Text((nint)(delegate* unmanaged<nint, void>)&Free),
        ["gpu_external_empty_cache"] = Text((nint)(delegate* unmanaged<void>)&EmptyCache),
    };

    [UnmanagedCallersOnly]
    [SuppressMessage("Design", "CA1031", Justification = "See the type.")]
    private static nint Allocate(nuint bytes)
    {
        var memory = DeviceMemory.Current;
        try
        {
            return memory?.Allocate(bytes) ?? 0;
        }
        catch (Exception)
        {
            memory?.NoteFault();
            return 0;
        }
    }

    [UnmanagedCallersOnly]
    [SuppressMessage("Design", "CA1031", Justification = "See the type.")]
    private static void Free(nint address)
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
    [SuppressMessage("Design", "CA1031", Justification = "See the type.")]
    private static void EmptyCache()
    {
        var memory = DeviceMemory.Current;
        try
        {
            memory?.EmptyCache();
        }
        catch (Exception)
        {
            memory?.NoteFault();
        }
    }

    private static string Text(nint address) => address.ToString(CultureInfo.InvariantCulture);
}
