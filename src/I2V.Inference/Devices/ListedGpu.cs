using System.Globalization;
using I2V.Inference.Native;

namespace I2V.Inference.Devices;

/// <summary>A GPU of this machine, or a MIG instance of one.</summary>
/// <param name="Index">As nvidia-smi numbers GPUs; of an instance its GPU's.</param>
/// <param name="Uuid"><c>GPU-…</c> or <c>MIG-…</c>.</param>
/// <param name="Name">Such as <c>NVIDIA L4</c>.</param>
/// <param name="IsSplit">True when the GPU is in MIG mode: then only its instances can be used.</param>
/// <param name="Instances">Of a GPU in MIG mode.</param>
public sealed record ListedGpu(int Index, string Uuid, string Name, bool IsSplit, IReadOnlyList<ListedGpu> Instances)
{
    /// <summary>What a process can use of it: itself, or its instances.</summary>
    public IReadOnlyList<ListedGpu> Usable => IsSplit ? Instances : [this];

    /// <summary>All GPUs of this machine in the order of nvidia-smi; those that the driver cannot open are left out.</summary>
    /// <exception cref="DeviceException">There is no driver.</exception>
    public static IReadOnlyList<ListedGpu> All() =>
        NvmlLibrary.TryOpen(out var reason) is { } library ? All(library) : throw new DeviceException(DeviceError.NoDriver, reason!);

    internal static IReadOnlyList<ListedGpu> All(INvmlLibrary library)
    {
        var result = library.GetCount(out var count);
        if (result != NvmlResult.Success)
        {
            throw new DeviceException(DeviceError.NoDriver, $"The NVIDIA driver does not tell which GPUs there are: it answered {result}.");
        }

        return [.. Enumerable.Range(0, count).Select(index => Find(library, index)).OfType<ListedGpu>()];
    }

    /// <summary>Such as <c>0 NVIDIA L4 (GPU-6f1c…)</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index} {Name} ({Uuid})");

    private static ListedGpu? Find(INvmlLibrary library, int index)
    {
        if (library.GetHandle(index, out var device) != NvmlResult.Success || library.GetUuid(device, out var uuid) != NvmlResult.Success)
        {
            return null;
        }

        _ = library.GetName(device, out var name);
        var split = library.GetMigMode(device, out var enabled) == NvmlResult.Success && enabled;
        return new ListedGpu(index, uuid, name, split, split ? [.. Parts(library, device, index, name)] : []);
    }

    private static IEnumerable<ListedGpu> Parts(INvmlLibrary library, nint device, int index, string cardName)
    {
        _ = library.GetMaxMigCount(device, out var places);
        for (var place = 0; place < places; place++)
        {
            if (library.GetMigInstance(device, place, out var instance) == NvmlResult.Success && library.GetUuid(instance, out var uuid) == NvmlResult.Success)
            {
                var name = library.GetName(instance, out var own) == NvmlResult.Success ? own : cardName;
                yield return new ListedGpu(index, uuid, name, IsSplit: false, []);
            }
        }
    }
}
