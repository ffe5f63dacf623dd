using System.Globalization;

namespace I2V.Inference.Devices;

/// <summary>Which GPUs <c>CUDA_VISIBLE_DEVICES</c> leaves to this process, as CUDA reads it.</summary>
internal static class VisibleGpus
{
    public const string Variable = "CUDA_VISIBLE_DEVICES";
    public const string OrderVariable = "CUDA_DEVICE_ORDER";

    /// <param name="value">Numbers, uuids or unique beginnings of uuids, with commas between; null for all. What follows an entry that is no GPU is hidden, so <c>-1</c> hides all.</param>
    /// <param name="order">The value of <c>CUDA_DEVICE_ORDER</c>. Numbers are nvidia-smi's, as with <c>PCI_BUS_ID</c>.</param>
    /// <param name="gpus">All of the machine.</param>
    /// <exception cref="DeviceException">The user wants CUDA's own order, which only CUDA knows, and it would make a difference.</exception>
    public static IReadOnlyList<ListedGpu> Of(string? value, string? order, IReadOnlyList<ListedGpu> gpus)
    {
        if (value is null)
        {
            return [.. gpus.SelectMany(gpu => gpu.Usable)];
        }

        var visible = new List<ListedGpu>();
        foreach (var entry in value.Split(',', StringSplitOptions.TrimEntries))
        {
            var isNumber = int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out var index);
            if (isNumber && order == "FASTEST_FIRST" && gpus.Select(gpu => gpu.Name).Distinct().Skip(1).Any())
            {
                throw new DeviceException(
                    DeviceError.Ambiguous,
                    $"{Variable}={value} counts GPUs from the fastest, since {OrderVariable} is FASTEST_FIRST: name them by uuid instead; {Words(gpus)}.");
            }

            var found = isNumber ? [.. gpus.Where(gpu => gpu.Index == index)] : ByUuid(entry, gpus);
            if (found is not [var gpu])
            {
                break;
            }

            visible.AddRange(gpu.Usable);
        }

        return [.. visible.Distinct()];
    }

    /// <summary>The GPU or instance of this uuid, or all whose uuids begin so.</summary>
    public static IReadOnlyList<ListedGpu> ByUuid(string beginning, IReadOnlyList<ListedGpu> gpus)
    {
        if (!beginning.StartsWith("GPU-", StringComparison.OrdinalIgnoreCase) && !beginning.StartsWith("MIG-", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        var all = gpus.Concat(gpus.SelectMany(gpu => gpu.Instances)).ToList();
        return all.Find(gpu => gpu.Uuid.Equals(beginning, StringComparison.OrdinalIgnoreCase)) is { } exact
            ? [exact]
            : all.FindAll(gpu => gpu.Uuid.StartsWith(beginning, StringComparison.OrdinalIgnoreCase));
    }

    public static string Words(IReadOnlyList<ListedGpu> gpus)
    {
        var all = gpus.SelectMany(gpu => gpu.Instances.Prepend(gpu)).ToList();
        return all.Count == 0 ? "the driver shows no GPU here" : "there are " + string.Join(", ", all);
    }
}
