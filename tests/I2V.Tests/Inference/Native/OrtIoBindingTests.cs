using I2V.Inference.Native;

namespace I2V.Tests.Inference.Native;

public sealed class OrtIoBindingTests : IDisposable
{
    private readonly InferenceSession session = new(TestGraphs.Affine());

    public void Dispose() => session.Dispose();

    [Fact]
    public void A_run_reads_and_writes_bound_memory_again_and_again()
    {
        var input = new float[3];
        var output = new float[3];
        using var x = TestGraphs.Tensor(input, 1, 3);
        using var y = TestGraphs.Tensor(output, 1, 3);
        using var binding = session.CreateIoBinding();
        binding.BindInput("x", x);
        binding.BindOutput("y", y);
        binding.SynchronizeBoundInputs();

        for (var round = 1; round <= 3; round++)
        {
            Array.Fill(input, round);
            session.RunWithBinding(null, binding, TestContext.Current.CancellationToken);
            binding.SynchronizeBoundOutputs();
            Assert.Equal([(2 * round) + 1, (2 * round) + 1, (2 * round) + 1], output);
        }
    }

    [Fact]
    public void An_output_bound_to_a_place_is_allocated_there_at_the_size_of_the_run()
    {
        using var binding = session.CreateIoBinding();
        for (var rows = 1; rows <= 3; rows++)
        {
            binding.BindOutputToDevice("y", OrtMemoryInfo.DefaultInstance);
            using var x = TestGraphs.Tensor(new float[rows * 3], rows, 3);
            binding.BindInput("x", x);
            session.RunWithBinding(null, binding, TestContext.Current.CancellationToken);

            Assert.Equal(["y"], binding.GetOutputNames());
            using var y = Assert.Single(binding.GetOutputValues());
            Assert.Equal([rows, 3], y.GetTensorTypeAndShape().Shape);
            Assert.All(y.GetTensorDataAsSpan<float>().ToArray(), value => Assert.Equal(1, value));
        }
    }

    [Fact]
    public void A_bound_tensor_outlives_the_callers_dispose()
    {
        using var binding = session.CreateIoBinding();
        binding.BindOutputToDevice("y", OrtMemoryInfo.DefaultInstance);
        var x = TestGraphs.Tensor<float>([1, 2, 3], 1, 3);
        binding.BindInput("x", x);
        x.Dispose();

        session.RunWithBinding(null, binding, TestContext.Current.CancellationToken);

        Assert.False(x.IsReleased());
        using (var y = Assert.Single(binding.GetOutputValues()))
        {
            Assert.Equal([3, 5, 7], y.GetTensorDataAsSpan<float>().ToArray());
        }

        binding.ClearBoundInputs();
        Assert.True(x.IsReleased());
    }

    [Fact]
    public void A_cleared_binding_has_no_outputs_and_cannot_run()
    {
        using var x = TestGraphs.Tensor<float>([1, 2, 3], 1, 3);
        using var y = TestGraphs.Tensor(new float[3], 1, 3);
        using var binding = session.CreateIoBinding();
        binding.BindInput("x", x);
        binding.BindOutput("y", y);

        binding.ClearBoundInputs();
        binding.ClearBoundOutputs();

        Assert.Empty(binding.GetOutputNames());
        Assert.Empty(binding.GetOutputValues());
        Assert.Throws<OrtException>(() => session.RunWithBinding(null, binding, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_name_that_the_graph_does_not_have_is_an_error_with_a_code()
    {
        using var x = TestGraphs.Tensor<float>([1, 2, 3], 1, 3);
        using var binding = session.CreateIoBinding();

        Assert.Equal("BindInput", Assert.Throws<OrtException>(() => binding.BindInput("none", x)).Call);
    }

    [Fact]
    public void A_memory_place_has_a_name_and_a_device()
    {
        using var info = new OrtMemoryInfo("Cpu", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);

        Assert.Equal("Cpu", info.Name);
        Assert.Equal(0, info.Id);
        Assert.Equal(OrtErrorCode.InvalidArgument, Assert.Throws<OrtException>(() => new OrtMemoryInfo("Nowhere", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default)).ErrorCode);
    }
}

internal static class HandleState
{
    /// <summary>True when nothing holds the native resource any more.</summary>
    public static bool IsReleased(this OrtHandle handle)
    {
        try
        {
            handle.Use().Dispose();
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }
}
