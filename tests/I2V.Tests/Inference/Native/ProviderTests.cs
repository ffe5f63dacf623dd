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
    public void Options_of_cuda_and_tensorrt_are_taken_where_their_libraries_lie_beside_the_runtime_and_refused_with_a_code_elsewhere()
    {
        using var cuda = new OrtCUDAProviderOptions();
        using var tensorRt = new OrtTensorRTProviderOptions();
        var device = new Dictionary<string, string> { ["device_id"] = "0" };

        var cudaError = Record.Exception(() => cuda.UpdateOptions(device));
        var tensorRtError = Record.Exception(() => tensorRt.UpdateOptions(device));

        Assert.Equal(HasLibrary("cuda") ? null : "UpdateCUDAProviderOptions", (cudaError as OrtException)?.Call);
        Assert.Equal(HasLibrary("tensorrt") ? null : "UpdateTensorRTProviderOptions", (tensorRtError as OrtException)?.Call);
    }

    private static bool HasLibrary(string provider)
    {
        _ = OrtEnv.GetVersionString();
        return File.Exists(Path.Combine(Path.GetDirectoryName(NativeLibraryLocation.LoadedFile)!, $"libonnxruntime_providers_{provider}.so"));
    }
}
