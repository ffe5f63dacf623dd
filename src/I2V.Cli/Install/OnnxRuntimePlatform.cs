using System.Runtime.InteropServices;
using I2V.Cli.Configuration;

namespace I2V.Cli.Install;

/// <summary>How the native ONNX Runtime of one release is called on one operating system and processor.</summary>
/// <param name="RuntimeIdentifier">.NET's name, which NuGet packages use as a folder: <c>linux-x64</c>.</param>
/// <param name="NpmFolder">Folder in npm's package: <c>linux/x64</c>.</param>
/// <param name="NpmFile">The library in that folder.</param>
/// <param name="NpmSha256">Of that file; lower-case hexadecimal.</param>
/// <param name="Libraries">Names under which the runtime is loaded, the preferred one first.</param>
internal sealed record OnnxRuntimePlatform(string RuntimeIdentifier, string NpmFolder, string NpmFile, string NpmSha256, IReadOnlyList<string> Libraries)
{
    /// <summary>The release that this product is tested with.</summary>
    public const string Version = "1.30.0";

    private static readonly IReadOnlyList<string> LinuxNames = ["libonnxruntime.so.1", "libonnxruntime.so"];

    private static readonly OnnxRuntimePlatform[] Known =
    [
        new("linux-x64", "linux/x64", "libonnxruntime.so.1", "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23", LinuxNames),
        new("linux-arm64", "linux/arm64", "libonnxruntime.so.1", "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76", LinuxNames),
        new("osx-arm64", "darwin/arm64", "libonnxruntime.1.30.0.dylib", "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d", ["libonnxruntime.dylib"]),
        new("win-x64", "win32/x64", "onnxruntime.dll", "508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67", ["onnxruntime.dll"]),
    ];

    /// <summary>The name under which the installer saves npm's file.</summary>
    public string Library => Libraries[0];

    /// <exception cref="CliException">No build of ONNX Runtime is known for this machine.</exception>
    public static OnnxRuntimePlatform Current { get; } = Find();

    /// <summary>The library in <paramref name="folder"/>, or null.</summary>
    public string? LibraryIn(string folder) => Libraries.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    private static OnnxRuntimePlatform Find()
    {
        var system = OperatingSystem.IsMacOS() ? "osx" : OperatingSystem.IsWindows() ? "win" : "linux";
        var identifier = $"{system}-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";
        return Array.Find(Known, platform => platform.RuntimeIdentifier == identifier)
            ?? throw new CliException($"No build of ONNX Runtime {Version} is known for {identifier}: build it and set I2V_ONNXRUNTIME_DIR to the folder that holds it.");
    }
}
