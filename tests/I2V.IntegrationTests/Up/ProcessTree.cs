using System.Globalization;

namespace I2V.IntegrationTests.Up;

/// <summary>Processes as the kernel lists them; start times tell a process from a later one with its number.</summary>
internal static class ProcessTree
{
    public static IReadOnlyList<ProcessEntry> DescendantsOf(int pid)
    {
        var all = All();
        List<ProcessEntry> found = [];
        var parents = new Queue<int>([pid]);
        while (parents.TryDequeue(out var parent))
        {
            foreach (var child in all.Where(entry => entry.Parent == parent))
            {
                found.Add(child);
                parents.Enqueue(child.Pid);
            }
        }

        return found;
    }

    /// <summary>A zombie does not live: it only waits for its parent to look.</summary>
    public static bool Lives(ProcessEntry entry) => Read(entry.Pid) is { } now && now.Start == entry.Start && now.State != 'Z';

    private static List<ProcessEntry> All() =>
    [
        .. Directory.GetDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) ? Read(pid) : null)
            .OfType<ProcessEntry>(),
    ];

    private static ProcessEntry? Read(int pid)
    {
        try
        {
            // pid (name) state parent … start; the name may hold anything, so fields are counted from its end.
            var stat = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            var command = File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cmdline").Replace('\0', ' ');
            return new ProcessEntry(pid, int.Parse(fields[1], CultureInfo.InvariantCulture), fields[0][0], fields[19], command);
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}

internal sealed record ProcessEntry(int Pid, int Parent, char State, string Start, string Command);
