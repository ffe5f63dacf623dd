using System.Globalization;
using I2V.Inference.Native;

namespace I2V.Inference.Devices;

/// <summary>
/// Decides which GPU this process uses, and makes CUDA see that one alone: NVML and CUDA order GPUs differently, so the
/// choice is carried over by uuid, and within the process the GPU is always CUDA's device 0.
/// </summary>
public static class GpuSelection
{
    /// <summary>Chooses a GPU and hides all others from CUDA, which must not be initialised yet. Once in a process.</summary>
    /// <param name="gpu">An index as nvidia-smi shows it, or a uuid or its unique beginning; null to go by <paramref name="position"/>.</param>
    /// <param name="position">From 0, of the GPUs that <c>CUDA_VISIBLE_DEVICES</c> leaves.</param>
    /// <exception cref="DeviceException">There is no driver, or no such GPU for this process.</exception>
    public static NvmlProbe Select(string? gpu, int position, TimeProvider time)
    {
        var chosen = Choose(gpu, position);
        var probe = NvmlProbe.Open(chosen.Uuid, time);
        NativeEnvironment.Set(VisibleGpus.Variable, chosen.Uuid, overwrite: true);
        return probe;
    }

    /// <summary>As <see cref="Select"/>, but changes nothing.</summary>
    /// <exception cref="DeviceException">There is no driver, or no such GPU for this process.</exception>
    public static ListedGpu Choose(string? gpu, int position) => Choose(
        gpu,
        position,
        Environment.GetEnvironmentVariable(VisibleGpus.Variable),
        Environment.GetEnvironmentVariable(VisibleGpus.OrderVariable),
        ListedGpu.All());

    internal static ListedGpu Choose(string? gpu, int position, string? visible, string? order, IReadOnlyList<ListedGpu> gpus)
    {
        var left = VisibleGpus.Of(visible, order, gpus);
        if (gpu is null)
        {
            return position < left.Count ? left[position] : throw new DeviceException(DeviceError.NotFound, NoneLeft(position, visible, left, gpus));
        }

        var chosen = Whole(gpu, gpus);
        if (!chosen.IsSplit)
        {
            return left.Contains(chosen) ? chosen : throw Hidden(chosen, visible!);
        }

        return chosen.Instances.Intersect(left).ToList() switch
        {
            [var only] => only,
            [] when chosen.Instances.Count > 0 => throw Hidden(chosen, visible!),
            [] => throw new DeviceException(DeviceError.NotFound, $"GPU {chosen} is in MIG mode but has no instances: make one, or end MIG mode."),
            var several => throw new DeviceException(
                DeviceError.Ambiguous, $"GPU {chosen} is split into MIG instances: choose one of {string.Join(", ", several.Select(instance => instance.Uuid))}."),
        };
    }

    private static ListedGpu Whole(string gpu, IReadOnlyList<ListedGpu> gpus)
    {
        var found = int.TryParse(gpu, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? [.. gpus.Where(candidate => candidate.Index == index)]
            : VisibleGpus.ByUuid(gpu, gpus);
        return found switch
        {
            [var only] => only,
            [] => throw new DeviceException(
                DeviceError.NotFound, $"There is no GPU {gpu}; name one by its number in nvidia-smi or its uuid: {VisibleGpus.Words(gpus)}."),
            _ => throw new DeviceException(DeviceError.Ambiguous, $"More than one GPU begins with {gpu}: {string.Join(", ", found)}."),
        };
    }

    private static DeviceException Hidden(ListedGpu chosen, string visible) => new(
        DeviceError.Hidden, $"{VisibleGpus.Variable}={visible} hides GPU {chosen} from this process: name another GPU, or change the variable.");

    private static string NoneLeft(int position, string? visible, IReadOnlyList<ListedGpu> left, IReadOnlyList<ListedGpu> gpus) => (left.Count, visible) switch
    {
        (0, null) => $"There is no NVIDIA GPU to use: {VisibleGpus.Words(gpus)}.",
        (0, _) => $"{VisibleGpus.Variable}={visible} hides every GPU from this process: {VisibleGpus.Words(gpus)}.",
        _ => string.Create(CultureInfo.InvariantCulture, $"There is no GPU at position {position}: this process may use {left.Count}, counted from 0: {string.Join(", ", left)}."),
    };
}
