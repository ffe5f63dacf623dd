using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class DeviceFailureTests
{
    private const string Title = "The network unet of the model sample";

    private static readonly DeviceMemoryRefusal Refusal = new(512_000_000, new DeviceMemoryUse(2_800_000_000, 1_200_000_000, 4_100_000_000), 4_500_000_000);

    [Fact]
    public void A_refusal_of_our_allocator_is_out_of_memory_with_the_figures()
    {
        var error = Explain("Non-zero status code", refusal: Refusal)!;

        Assert.Equal(GenerationError.OutOfDeviceMemory, error.Error);
        Assert.Equal($"{Title} needs 512.0 MB more of the device's memory, but 4000.0 MB are in use, 4100.0 MB taken, and the budget is 4500.0 MB.", error.Message);
        Assert.Equal(4_612_000_000L, error.NeededBytes);
        Assert.EndsWith("and the device has no more free.", Explain("x", refusal: Refusal with { BudgetBytes = null })!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_beyond_all_numbers_needs_as_much_as_a_number_can_say() =>
        Assert.Equal(long.MaxValue, Explain("x", refusal: Refusal with { RequestedBytes = long.MaxValue })!.NeededBytes);

    [Theory]
    [InlineData("CUDA failure 2: out of memory ; GPU=0")]
    [InlineData("BFCArena: Failed to allocate memory for requested buffer of size 100")]
    [InlineData("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED")]
    [InlineData("CUDNN failure 4000: CUDNN_STATUS_INTERNAL_ERROR ; GPU=0 ; line=82 ; expr=cudnnCreate(&cudnn_handle_);")]
    public void Want_of_memory_outside_of_our_allocator_is_out_of_memory_too(string words)
    {
        var error = Explain(words)!;

        Assert.Equal(GenerationError.OutOfDeviceMemory, error.Error);
        Assert.StartsWith($"{Title} needs more memory than CUDA device 3 has free.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_that_stays_is_a_lost_device_whatever_else_went_wrong()
    {
        var error = Explain("CUDA failure 700: an illegal memory access", "CUDA_ERROR_ILLEGAL_ADDRESS", Refusal)!;

        Assert.Equal(GenerationError.DeviceLost, error.Error);
        Assert.True(error.IsTransient);
        Assert.Equal($"{Title} failed, and CUDA device 3 holds the error CUDA_ERROR_ILLEGAL_ADDRESS: it answers this process no more, so the process must be started again.", error.Message);
    }

    [Fact]
    public void Any_other_failure_is_the_graphs_own() => Assert.Null(Explain("Non-zero status code returned while running Conv node."));

    [Theory]
    [InlineData("cpu")]
    [InlineData("webgpu")]
    [InlineData("cuda")]
    public void A_graph_that_fails_on_a_healthy_device_is_named_with_the_runtimes_words(string provider)
    {
        var error = new OrtException("Run", OrtErrorCode.Fail, "Node failed.");
        var device = new DeviceOptions { Provider = provider };

        var run = DeviceFailure.OfRun(Title, device, error);
        var load = DeviceFailure.OfLoad(Title, device, error);

        Assert.Equal((GenerationError.InferenceFailed, $"{Title} failed on {provider}. {error.Message}"), (run.Error, run.Message));
        Assert.Equal((GenerationError.ModelLoadFailed, $"{Title} cannot be loaded. {error.Message}"), (load.Error, load.Message));
    }

    [Fact]
    public void Tuning_becomes_options_of_the_provider_and_the_last_word_is_the_callers()
    {
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["arena_extend_strategy"] = "kSameAsRequested",
                ["cudnn_conv_algo_search"] = "HEURISTIC",
                ["fuse_conv_bias"] = "1",
                ["use_tf32"] = "1",
            },
            new CudaTuning().ToProviderOptions());

        var tuned = new CudaTuning
        {
            FuseConvBias = false,
            Tf32 = true,
            ConvMaxWorkspace = false,
            AttentionKernel = 8,
            ConvAlgorithmSearch = "DEFAULT",
            ProviderOptions = new Dictionary<string, string> { ["use_tf32"] = "1", ["prefer_nhwc"] = "1" },
        };
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["arena_extend_strategy"] = "kSameAsRequested",
                ["cudnn_conv_algo_search"] = "DEFAULT",
                ["fuse_conv_bias"] = "0",
                ["use_tf32"] = "1",
                ["cudnn_conv_use_max_workspace"] = "0",
                ["sdpa_kernel"] = "8",
                ["prefer_nhwc"] = "1",
            },
            tuned.ToProviderOptions());
    }

    private static GenerationException? Explain(string words, string? stuck = null, DeviceMemoryRefusal? refusal = null) =>
        DeviceFailure.OfCuda(Title, deviceId: 3, new OrtException("RunWithBinding", OrtErrorCode.Fail, words), stuck, refusal);
}
