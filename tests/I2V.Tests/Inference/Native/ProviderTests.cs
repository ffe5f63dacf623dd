using I2V.Inference.Native;

namespace I2V.Tests.Inference.Native;

public sealed class ProviderTests
{
    [Fact]
    public void The_processor_is_always_available_and_last()
    {
        Assert.Equal("CPUExecutionProvider", OrtEnv.GetAvailableProviders()[^1]);
    }

    [Fact]
    public void An_unknown_provider_is_an_error_with_a_code_and_leaves_the_options_usable()
    {
        using var options = new SessionOptions();

        Assert.Equal(OrtErrorCode.InvalidArgument, Assert.Throws<OrtException>(() => options.AppendExecutionProvider("NoSuchProvider")).ErrorCode);

        new InferenceSession(TestGraphs.Affine(), options).Dispose();
    }

    [Fact]
    public void Providers_whose_libraries_are_not_beside_the_runtime_fail_at_their_options_with_a_code()
    {
        var folder = Path.GetDirectoryName(LoadedFile())!;
        Assert.Empty(Directory.EnumerateFiles(folder, "*onnxruntime_providers_*"));
        using var cuda = new OrtCUDAProviderOptions();
        using var tensorRt = new OrtTensorRTProviderOptions();
        var device = new Dictionary<string, string> { ["device_id"] = "0" };

        Assert.Equal("UpdateCUDAProviderOptions", Assert.Throws<OrtException>(() => cuda.UpdateOptions(device)).Call);
        Assert.Equal("UpdateTensorRTProviderOptions", Assert.Throws<OrtException>(() => tensorRt.UpdateOptions(device)).Call);
    }

    private static string LoadedFile()
    {
        _ = OrtEnv.GetVersionString();
        return NativeLibraryLocation.LoadedFile!;
    }
}
