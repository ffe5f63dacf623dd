using System.Runtime.InteropServices;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Native;

public sealed class NativeLibraryTests
{
    [Fact]
    public void A_missing_library_is_one_sentence_with_its_names_and_the_folders()
    {
        using var first = new TemporaryFolder();
        using var second = new TemporaryFolder();

        var error = Assert.Throws<GenerationException>(() => NativeLibraryLocation.Load([first.Path, second.Path]));

        Assert.Equal(GenerationError.RuntimeMissing, error.Error);
        Assert.Equal(
            $"ONNX Runtime is missing: {string.Join(" or ", NativeLibraryLocation.FileNames)} was not found in {first.Path}, {second.Path}. "
            + "Set I2V_ONNXRUNTIME_DIR to the folder that holds it.",
            error.Message);
    }

    [Fact]
    public void A_file_that_the_system_cannot_load_is_named_with_the_systems_reason()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File(NativeLibraryLocation.FileNames[0]);
        File.WriteAllText(file, "not a library");

        var error = Assert.Throws<GenerationException>(() => NativeLibraryLocation.Load([folder.Path]));

        Assert.Equal(GenerationError.RuntimeMissing, error.Error);
        Assert.StartsWith($"ONNX Runtime was found at {file}, but this system cannot load it: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_that_is_something_else_is_refused()
    {
        var error = Assert.Throws<GenerationException>(() => OrtApi.Open(NativeLibrary.GetMainProgramHandle(), "libother.so", OrtApi.Version));

        Assert.Equal("libother.so is not ONNX Runtime: it has no function OrtGetApiBase.", error.Message);
    }

    [Fact]
    public void A_library_that_is_too_old_is_refused_with_its_version()
    {
        var version = OrtEnv.GetVersionString();
        var library = NativeLibrary.Load(NativeLibraryLocation.LoadedFile!);

        var error = Assert.Throws<GenerationException>(() => OrtApi.Open(library, "libonnxruntime.so.1", apiVersion: 999));

        Assert.Equal($"ONNX Runtime {version} at libonnxruntime.so.1 is too old: version 1.999 or newer is needed.", error.Message);
    }

    [Fact]
    public void The_environment_comes_first_then_the_program_then_the_hosts_folder()
    {
        var runtimes = Path.Combine("/program", "runtimes", RuntimeInformation.RuntimeIdentifier, "native");

        Assert.Equal(["/env", "/program", runtimes, "/host"], NativeLibraryLocation.Folders("/env", "/program", "/host"));
        Assert.Equal(["/program", runtimes], NativeLibraryLocation.Folders("", "/program", null));
    }

    [Fact]
    public void The_first_folder_that_has_a_library_wins()
    {
        _ = OrtEnv.GetVersionString();
        using var empty = new TemporaryFolder();
        using var broken = new TemporaryFolder();
        File.WriteAllText(broken.File(NativeLibraryLocation.FileNames[0]), "not a library");
        var good = Path.GetDirectoryName(NativeLibraryLocation.LoadedFile)!;

        Assert.Equal(NativeLibraryLocation.LoadedFile, NativeLibraryLocation.Load([empty.Path, good, broken.Path]).File);
    }

    [Fact]
    public void The_library_is_told_to_report_to_nobody()
    {
        _ = OrtEnv.GetVersionString();
        var read = Marshal.GetDelegateForFunctionPointer<ReadEnvironment>(NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "getenv"));

        Assert.Equal("1", Marshal.PtrToStringUTF8(read("ORT_DISABLE_TELEMETRY")));
    }

    private delegate nint ReadEnvironment([MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}
