using System.Globalization;
using I2V.Cli.Up;

namespace I2V.IntegrationTests.Servers;

/// <summary>A folder in the temporary files, named after this process and removed when it ends; those of killed test processes are swept.</summary>
internal static class TestFolder
{
    private const string Prefix = "i2v-servers-";
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(20);
    private static readonly Lazy<string> Root = new(CreateRoot);
    private static readonly List<Func<Task>> Endings = [];
    private static int folders;

    public static string Create(string name)
    {
        var folder = Path.Combine(Root.Value, string.Create(CultureInfo.InvariantCulture, $"{name}-{Interlocked.Increment(ref folders)}"));
        Directory.CreateDirectory(folder);
        return folder;
    }

    /// <summary>Stops something before the folders are removed.</summary>
    public static void AtEnd(Func<Task> stop)
    {
        lock (Endings)
        {
            Endings.Add(stop);
        }
    }

    /// <summary>Stops everything and removes the folders.</summary>
    public static async Task EndAsync()
    {
        Func<Task>[] endings;
        lock (Endings)
        {
            endings = [.. Endings];
            Endings.Clear();
        }

        await Task.WhenAll(endings.Select(stop => Task.Run(stop))).WaitAsync(LongestEnd);
        if (Root.IsValueCreated)
        {
            TryDelete(Root.Value);
        }
    }

    private static string CreateRoot()
    {
        foreach (var old in Directory.GetDirectories(Path.GetTempPath(), Prefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(old)[Prefix.Length..], CultureInfo.InvariantCulture, out var pid) && !ChildProcess.Send(pid, ChildSignal.None))
            {
                TryDelete(old);
            }
        }

        var root = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}"));
        Directory.CreateDirectory(root);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => EndAsync().GetAwaiter().GetResult(); // nothing to do after a whole run
        return root;
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A killed server's last file appeared while we deleted; the next test process sweeps it.
        }
        catch (UnauthorizedAccessException)
        {
            // Made by another user's test process.
        }
    }
}
