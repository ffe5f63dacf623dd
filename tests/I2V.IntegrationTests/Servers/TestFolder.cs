using System.Globalization;
using System.Runtime.CompilerServices;
using I2V.Cli.Up;

namespace I2V.IntegrationTests.Servers;

/// <summary>A folder in the temporary files, named after this process and removed when it ends; those of killed test processes are swept.</summary>
internal static class TestFolder
{
    private const string Prefix = "i2v-servers-";

    private const UnixFileMode Everybody =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(20);
    private static readonly Lazy<string> Root = new(CreateRoot);
    private static readonly List<Func<Task>> Endings = [];
    private static int folders;

    /// <summary>
    /// Temporary files of this process and of all that it starts lie in a folder of its own and go with it: locks that stay by
    /// design, sockets of processes that were killed.
    /// </summary>
    [ModuleInitializer]
    internal static void KeepTemporaryFiles()
    {
        var temporary = Path.Combine(Root.Value, "tmp");
        Directory.CreateDirectory(temporary);
        File.SetUnixFileMode(temporary, Everybody | UnixFileMode.StickyBit); // servers may run under accounts of their own
        Environment.SetEnvironmentVariable("TMPDIR", temporary);
    }

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
