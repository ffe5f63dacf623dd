namespace I2V.Inference.Native;

/// <summary>
/// Each session has a handle of cuBLAS, and each handle takes 32 MB on large GPUs, outside of every allocator. It reads how
/// much it may take from the process's environment when it is made.
/// </summary>
internal static class CublasWorkspace
{
    private const string Variable = "CUBLAS_WORKSPACE_CONFIG";

    /// <summary>2 × 4 MB and 8 × 16 KB: what cuBLAS takes on smaller GPUs.</summary>
    private const string Small = ":4096:2:16:8";

    /// <summary>Asks for little, unless the user has asked for something already. Before the first session.</summary>
    public static void KeepSmall()
    {
        if (OperatingSystem.IsLinux())
        {
            NativeEnvironment.Set(Variable, Small, overwrite: false);
        }
    }
}
