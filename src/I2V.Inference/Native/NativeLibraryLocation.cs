using System.Runtime.InteropServices;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Native;

/// <summary>
/// Where the native ONNX Runtime is looked for, in this order: the folder named by <c>I2V_ONNXRUNTIME_DIR</c>,
/// beside the program (its own folder, then <c>runtimes/&lt;rid&gt;/native</c>), then <see cref="Folder"/>.
/// </summary>
public static class NativeLibraryLocation
{
    public const string EnvironmentVariable = "I2V_ONNXRUNTIME_DIR";

    /// <summary>A folder that the host adds to the search, or null. Set it before the first use of the runtime.</summary>
    public static string? Folder { get; set; }

    /// <summary>The file that was loaded, or null before the first use of the runtime.</summary>
    public static string? LoadedFile { get; internal set; }

    /// <summary>The library's names on this operating system, the preferred one first.</summary>
    internal static IReadOnlyList<string> FileNames { get; } =
        OperatingSystem.IsWindows() ? ["onnxruntime.dll"]
        : OperatingSystem.IsMacOS() ? ["libonnxruntime.dylib"]
        : ["libonnxruntime.so.1", "libonnxruntime.so"];

    internal static IReadOnlyList<string> Folders() =>
        Folders(Environment.GetEnvironmentVariable(EnvironmentVariable), AppContext.BaseDirectory, Folder);

    internal static IReadOnlyList<string> Folders(string? fromEnvironment, string program, string? fromHost)
    {
        var runtimes = Path.Combine(program, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        return [.. new[] { fromEnvironment, program, runtimes, fromHost }.Where(folder => !string.IsNullOrEmpty(folder)).Select(folder => folder!)];
    }

    /// <summary>Loads the first of the names that exists in the first folder that has one.</summary>
    /// <exception cref="GenerationException">None is there, or the one that is there cannot be loaded.</exception>
    internal static (nint Library, string File) Load(IReadOnlyList<string> folders)
    {
        var file = folders.SelectMany(folder => FileNames.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists)
            ?? throw Missing(
                $"ONNX Runtime is missing: {string.Join(" or ", FileNames)} was not found in {string.Join(", ", folders)}. "
                + $"Set {EnvironmentVariable} to the folder that holds it.");
        try
        {
            return (NativeLibrary.Load(Path.GetFullPath(file)), Path.GetFullPath(file));
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw Missing($"ONNX Runtime was found at {file}, but this system cannot load it: {error.Message.Split('\n')[0].Trim()}", error);
        }
    }

    internal static GenerationException Missing(string message, Exception? inner = null) =>
        new(GenerationError.RuntimeMissing, message, inner);
}
