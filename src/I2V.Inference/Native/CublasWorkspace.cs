namespace I2V.Inference.Native;

/// <summary>
/// Each session has a handle of cuBLAS, and each handle takes 32 MB on large GPUs and 8 MB on others, outside of every
/// allocator. It reads how much it may take from the process's environment when it is made. With next to nothing, the steps of
/// I2VGen-XL's denoiser took as long (133.4 against 132.4 ms, of 131 to 138 each): its products in half precision need none.
/// </summary>
internal static class CublasWorkspace
{
    private const string Variable = "CUBLAS_WORKSPACE_CONFIG";

    /// <summary>8 × 16 KB.</summary>
    private const string Small = ":16:8";

    /// <summary>Asks for little, unless the user has asked for something already. Before the first session.</summary>
    public static void KeepSmall()
    {
        if (OperatingSystem.IsLinux())
        {
            NativeEnvironment.Set(Variable, Small, overwrite: false);
        }
    }
}
