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
        if (nvml?.Read() is { } reading)
        {
            Assert.StartsWith("GPU-", reading.Uuid, StringComparison.Ordinal);
            Assert.InRange(reading.FreeBytes, 0, reading.TotalBytes);
        }
        else
        {
            Assert.StartsWith("libnvidia-ml.so.1 was not found", reason, StringComparison.Ordinal);
            Assert.Null(Nvml.TryOpen("GPU-none", out var other));
            Assert.Equal(reason, other);
        }
    }

    [Fact]
    public void A_library_without_the_functions_is_too_old()
    {
        Assert.Null(Nvml.TryOpen("libc.so.6", "nvmlDeviceGetHandleByUUID", "none", (_, _) => 0, out var reason));

        Assert.Equal("libc.so.6 has no function nvmlDeviceGetHandleByUUID: the driver is too old.", reason);
    }

    [Fact]
    public void Cudas_own_number_of_a_gpu_leads_to_the_same_gpu_or_to_a_reason()
    {
        var nvml = Nvml.TryOpenCuda(0, out var reason);

        Assert.Equal(nvml is null, reason is not null);
        if (nvml is null)
        {
            Assert.DoesNotContain('\n', reason!);
        }
        else
        {
            Assert.Equal(CudaDriver.Open(0).Uuid, nvml.Read()!.Uuid);
        }
    }
}
