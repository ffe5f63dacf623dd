using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace I2V.Worker.Devices;

internal sealed record NvidiaGpu(string Uuid, string Name, long TotalBytes, long FreeBytes);

/// <summary>Asks the driver's own tool about one GPU.</summary>
internal static class NvidiaSmi
{
    public static NvidiaGpu Query(int index)
    {
        var start = new ProcessStartInfo("nvidia-smi") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("--query-gpu=uuid,name,memory.total,memory.free");
        start.ArgumentList.Add("--format=csv,noheader,nounits");
        start.ArgumentList.Add(FormattableString.Invariant($"--id={index}"));
        try
        {
            using var process = Process.Start(start) ?? throw new DeviceException("nvidia-smi did not start.");
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return Parse(output) ?? throw new DeviceException(FormattableString.Invariant(
                $"There is no NVIDIA GPU {index}: nvidia-smi lists the ones that are there; Worker:DeviceIndex names one, or set Worker:Provider to cpu."));
        }
        catch (Win32Exception error)
        {
            throw new DeviceException("nvidia-smi was not found: install the NVIDIA driver, or set Worker:Provider to cpu.", error);
        }
    }

    /// <summary>One line such as <c>GPU-6f…, NVIDIA L4, 23034, 22560</c> (mebibytes); null for anything else.</summary>
    internal static NvidiaGpu? Parse(string output)
    {
        var fields = output.Trim().Split(',', StringSplitOptions.TrimEntries);
        return fields.Length == 4
            && long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var total)
            && long.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out var free)
            ? new NvidiaGpu(fields[0], fields[1], total << 20, free << 20)
            : null;
    }
}
