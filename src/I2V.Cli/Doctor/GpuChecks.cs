using I2V.Inference.Devices;

namespace I2V.Cli.Doctor;

/// <summary>The NVIDIA GPUs of this machine, as the driver tells.</summary>
internal static class GpuChecks
{
    public static IReadOnlyList<Check> All()
    {
        try
        {
            var gpus = ListedGpu.All();
            return gpus.Count == 0
                ? [new Check("NVIDIA driver", CheckState.Note, "shows no GPU; workers run on the processor")]
                : [.. gpus.SelectMany(Each)];
        }
        catch (DeviceException error)
        {
            return [new Check("NVIDIA driver", CheckState.Note, $"{error.Message} Workers run on the processor.")];
        }
    }

    /// <summary>What the driver tells of one GPU: name, memory, versions, uuid.</summary>
    internal static Check Of(string name, GpuFacts facts, GpuMemory memory)
    {
        List<string> parts =
        [
            facts.Name,
            FormattableString.Invariant($"{Gigabytes(facts.TotalBytes):0.0} GB ({Gigabytes(memory.FreeBytes):0.0} free)"),
        ];
        Add("compute capability", facts.ComputeCapability);
        Add("driver", facts.DriverVersion);
        Add("CUDA", facts.CudaVersion);
        parts.Add(facts.Id);
        return new Check(name, CheckState.Ok, string.Join(", ", parts));

        void Add(string what, string? value)
        {
            if (value is not null)
            {
                parts.Add($"{what} {value}");
            }
        }
    }

    private static IEnumerable<Check> Each(ListedGpu gpu)
    {
        var name = FormattableString.Invariant($"GPU {gpu.Index}");
        if (!gpu.IsSplit)
        {
            return [Ask(name, gpu)];
        }

        return gpu.Instances.Count == 0
            ? [new Check(name, CheckState.Note, $"{gpu.Name}, {gpu.Uuid}: in MIG mode without instances, so nothing can use it", "Make an instance with `nvidia-smi mig`, or end MIG mode.")]
            : gpu.Instances.Select(instance => Ask(name + " MIG", instance));
    }

    private static Check Ask(string name, ListedGpu gpu)
    {
        try
        {
            var probe = NvmlProbe.Open(gpu.Uuid, TimeProvider.System);
            return Of(name, probe.Facts, probe.Read().Memory);
        }
        catch (DeviceException error)
        {
            return new Check(name, CheckState.Note, error.Message);
        }
    }

    // As cards are sold.
    private static double Gigabytes(long bytes) => bytes / (double)(1L << 30);
}
