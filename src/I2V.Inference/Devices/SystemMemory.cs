using System.Globalization;

namespace I2V.Inference.Devices;

/// <summary>
/// Memory of the host as this process may use it: the kernel's figures, or the control group's where that allows less, as
/// in containers. Elsewhere than on Linux the runtime's figures.
/// </summary>
/// <param name="root">Where <c>proc</c> and <c>sys</c> are.</param>
public sealed class SystemMemory(string root = "/")
{
    public long TotalBytes
    {
        get
        {
            var total = Kilobytes("proc/meminfo", "MemTotal:") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            return Groups().Select(group => group.LimitBytes).Append(total).Min();
        }
    }

    /// <summary>Without swapping; files that the kernel keeps in memory can make room.</summary>
    public long AvailableBytes
    {
        get
        {
            var available = Kilobytes("proc/meminfo", "MemAvailable:") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
            return Groups().Select(group => Math.Max(0, group.LimitBytes - group.HeldBytes)).Append(available).Min();
        }
    }

    /// <summary>What this process has in memory.</summary>
    public long ProcessBytes => Kilobytes("proc/self/status", "VmRSS:") ?? Environment.WorkingSet;

    /// <summary>Such as <c>AMD EPYC 9554 64-Core Processor</c>.</summary>
    public string ProcessorName
    {
        get
        {
            var line = Field("proc/cpuinfo", "model name");
            return line is null ? "CPU" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
    }

    /// <summary>The groups with a limit, from this process's own up to the outermost that can be seen.</summary>
    private IEnumerable<Group> Groups()
    {
        foreach (var line in Lines("proc/self/cgroup"))
        {
            // number:controllers:path, where the second version has number 0 and no controllers.
            if (line.Split(':', 3) is not [_, var controllers, var path])
            {
                continue;
            }

            var isNew = controllers.Length == 0;
            if (!isNew && !controllers.Split(',').Contains("memory"))
            {
                continue;
            }

            for (var at = path.Trim('/'); ; at = at[..Math.Max(0, at.LastIndexOf('/'))])
            {
                if ((isNew ? New(at) : Old(at)) is { } group)
                {
                    yield return group;
                }

                if (at.Length == 0)
                {
                    break;
                }
            }
        }
    }

    private Group? New(string path) =>
        Read(Path.Combine("sys/fs/cgroup", path), "memory.max", "memory.current", "inactive_file", "active_file");

    private Group? Old(string path) =>
        Read(Path.Combine("sys/fs/cgroup/memory", path), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file");

    /// <returns>Null without a limit, which the new version writes as <c>max</c> and the old one as a number beyond all memory.</returns>
    private Group? Read(string folder, string limitFile, string usageFile, params string[] fileFields)
    {
        if (Number(Path.Combine(folder, limitFile)) is not { } limit || Number(Path.Combine(folder, usageFile)) is not { } usage)
        {
            return null;
        }

        var files = fileFields.Sum(field => Word(Path.Combine(folder, "memory.stat"), field + " ") ?? 0);
        return new Group(limit, Math.Max(0, usage - files));
    }

    private long? Number(string file) =>
        long.TryParse(Lines(file).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private long? Kilobytes(string file, string field) => Word(file, field) * 1024;

    private long? Word(string file, string field) =>
        long.TryParse(Field(file, field)?[field.Length..].Trim().Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private string? Field(string file, string field) => Lines(file).FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal));

    private string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(Path.Combine(root, file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return []; // another system, or a container that hides it
        }
    }

    /// <param name="LimitBytes">More is refused, or ends the process.</param>
    /// <param name="HeldBytes">In use, without files that can make room.</param>
    private sealed record Group(long LimitBytes, long HeldBytes);
}
