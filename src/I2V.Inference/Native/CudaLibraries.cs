using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>Says what the CUDA provider lacks, since the loader's own message ends with the first thing.</summary>
internal static class CudaLibraries
{
    private const string SystemFolders = "the system's library folders";

    private static readonly string[] Files = OperatingSystem.IsWindows()
        ? ["onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll"]
        : ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];

    /// <summary>Requires the provider's own libraries beside ONNX Runtime.</summary>
    /// <exception cref="Pipelines.GenerationException">At least one is missing.</exception>
    public static void RequireProvider(string folder)
    {
        var missing = Files.Where(name => !File.Exists(Path.Combine(folder, name))).ToList();
        if (missing.Count > 0)
        {
            throw NativeLibraryLocation.Missing($"The provider cuda is missing: {string.Join(" and ", missing)} not found in {folder}, beside ONNX Runtime.");
        }
    }

    /// <summary>Which libraries of CUDA the provider needs and the loader cannot find, and where it looks; null when it finds all, or on Windows.</summary>
    /// <param name="folder">Where ONNX Runtime lies.</param>
    /// <param name="searchPath">The value of <c>LD_LIBRARY_PATH</c>.</param>
    public static string? Missing(string folder, string? searchPath)
    {
        if (OperatingSystem.IsWindows() || Read(Path.Combine(folder, Files[^1])) is not { } provider)
        {
            return null;
        }

        var own = provider.SearchPath.Select(path => path.Replace("${ORIGIN}", folder, StringComparison.Ordinal).Replace("$ORIGIN", folder, StringComparison.Ordinal));
        var folders = own.Concat((searchPath ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)).Distinct().ToList();
        var missing = provider.Needed
            .Where(name => !Files.Contains(name) && !folders.Exists(path => File.Exists(Path.Combine(path, name))) && !NativeLibrary.TryLoad(name, out _))
            .ToList();
        return missing.Count == 0
            ? null
            : $"{string.Join(" and ", missing)} not found in {string.Join(", ", folders.Append(SystemFolders))}; LD_LIBRARY_PATH may name more folders";
    }

    private static ElfLibrary? Read(string file)
    {
        try
        {
            return ElfLibrary.Read(file);
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return null; // the runtime's own message says what is wrong with it
        }
    }
}
