using System.Runtime.InteropServices;
using I2V.Inference.Native;

namespace I2V.Tests.Inference.Native;

public sealed class NvmlTests
{
    [Fact]
    public void A_gpu_is_read_where_there_is_one_and_elsewhere_the_reason_is_a_sentence()
    {
        var nvml = Nvml.TryOpenIndex(0, out var reason);

        Assert.Equal(NativeLibrary.TryLoad("libnvidia-ml.so.1", out _), nvml is not null);
        Assert.Equal(nvml is null, reason is not null);
        if (nvml?.Read() is { } memory)
        {
            Assert.InRange(memory.FreeBytes, 0, memory.TotalBytes);
        }
        else
        {
            Assert.StartsWith("libnvidia-ml.so.1 was not found", reason, StringComparison.Ordinal);
            Assert.Null(Nvml.TryOpen("GPU-none", out var other));
            Assert.Equal(reason, other);
        }
    }

    [Theory]
    [InlineData("libc.so.6", "libc.so.6 has no function nvmlInit_v2: the driver is too old.")]
    [InlineData("libno-such.so.1", "libno-such.so.1 was not found by the system's loader: there is no NVIDIA driver, or the container lacks its utility capability.")]
    public void A_library_that_cannot_be_used_says_why(string file, string sentence)
    {
        Assert.Null(NvmlLibrary.TryOpen(file, out var reason));

        Assert.Equal(sentence, reason);
    }

    [Fact]
    public void Cudas_own_number_of_a_gpu_leads_to_a_gpu_or_to_a_reason()
    {
        var nvml = Nvml.TryOpenCuda(0, out var reason);

        Assert.Equal(nvml is null, reason is not null);
        Assert.DoesNotContain('\n', reason ?? "");
    }
}
