using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>
/// Each session has a handle of cuBLAS, and each handle takes 32 MB on large GPUs, outside of every allocator. It reads how
/// much it may take from the process's environment when it is made.
/// </summary>
internal static partial class CublasWorkspace
{
    private const string Variable = "CUBLAS_WORKSPACE_CONFIG";

    /// <summary>2 × 4 MB and 8 × 16 KB: what cuBLAS takes on smaller GPUs.</summary>
    private const string Small = ":4096:2:16:8";

    /// <summary>Asks for little, unless the user has asked for something already. Before the first session.</summary>
    public static void KeepSmall()
    {
        // The managed environment is a copy: only the C library's own reaches cuBLAS.
        if (OperatingSystem.IsLinux())
        {
            _ = SetEnvironment(Variable, Small, overwrite: 0);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
