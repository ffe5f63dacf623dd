using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>A string for the length of a native call.</summary>
internal readonly unsafe ref struct NativeString
{
    private NativeString(nint pointer) => Pointer = (byte*)pointer;

    public byte* Pointer { get; }

    public static NativeString Utf8(string text) => new(NativeStrings.ToUtf8(text));

    /// <summary>A file's path in the runtime's own encoding: UTF-16 on Windows, UTF-8 elsewhere.</summary>
    public static NativeString FilePath(string path) =>
        OperatingSystem.IsWindows() ? new NativeString(Marshal.StringToCoTaskMemUni(path)) : Utf8(path);

    public void Dispose() => Marshal.FreeCoTaskMem((nint)Pointer);
}

/// <summary>An array of strings for the length of a native call.</summary>
internal sealed class NativeStrings(IEnumerable<string> texts) : IDisposable
{
    public nint[] Pointers { get; } = [.. texts.Select(ToUtf8)];

    public static nint ToUtf8(string text) =>
        text.Contains('\0', StringComparison.Ordinal)
            ? throw new ArgumentException("A name, key or value for ONNX Runtime must not contain U+0000.", nameof(text))
            : Marshal.StringToCoTaskMemUTF8(text);

    public void Dispose()
    {
        foreach (var pointer in Pointers)
        {
            Marshal.FreeCoTaskMem(pointer);
        }
    }
}
