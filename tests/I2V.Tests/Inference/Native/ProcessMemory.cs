using System.Globalization;
using System.Runtime.InteropServices;
using System.Xml.Linq;

namespace I2V.Tests.Inference.Native;

/// <summary>
/// What this process holds: bytes that the C library has given out and not got back, in all its arenas, and live managed
/// objects. Unlike the resident size it does not move with the JIT or with pages that a heap only keeps for later, so a
/// leak of kilobytes shows.
/// </summary>
internal static class ProcessMemory
{
    public static long BytesInUse() => NativeBytes() + GC.GetTotalMemory(forceFullCollection: true);

    private static long NativeBytes()
    {
        var heaps = XDocument.Parse(HeapReport()).Root!;
        var given = Size(heaps, "system", "current") + Size(heaps, "total", "mmap");
        return given - Size(heaps, "total", "fast") - Size(heaps, "total", "rest");
    }

    private static long Size(XElement heaps, string element, string type) => long.Parse(
        heaps.Elements(element).Single(total => total.Attribute("type")!.Value == type).Attribute("size")!.Value, CultureInfo.InvariantCulture);

    private static string HeapReport()
    {
        // The stream writes the text's address and length here when it is closed.
        var result = Marshal.AllocHGlobal(2 * nint.Size);
        try
        {
            var stream = OpenMemoryStream(result, result + nint.Size);
            Assert.NotEqual(0, stream);
            Assert.Equal(0, MallocInfo(0, stream));
            Assert.Equal(0, Close(stream));
            var text = Marshal.ReadIntPtr(result);
            var report = Marshal.PtrToStringUTF8(text)!;
            Free(text);
            return report;
        }
        finally
        {
            Marshal.FreeHGlobal(result);
        }
    }

    [DllImport("libc", EntryPoint = "open_memstream")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint OpenMemoryStream(nint text, nint length);

    [DllImport("libc", EntryPoint = "malloc_info")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MallocInfo(int options, nint stream);

    [DllImport("libc", EntryPoint = "fclose")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(nint stream);

    [DllImport("libc", EntryPoint = "free")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void Free(nint text);
}
