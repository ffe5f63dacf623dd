using System.Globalization;
using System.Runtime.CompilerServices;
using I2V.Cli.Up;

namespace I2V.Tests;

/// <summary>
/// Temporary files of the test process and of all that it starts lie in a folder of its own, which goes when it ends; those of
/// killed test processes are swept.
/// </summary>
internal static class TemporaryFiles
{
    private const string Prefix = "i2v-tests-";

    [ModuleInitializer]
    internal static void KeepTogether()
    {
        var shared = Path.GetTempPath();
        foreach (var old in Directory.GetDirectories(shared, Prefix + "*"))
        {
            if (int.TryParse(Path.GetFileName(old)[Prefix.Length..], CultureInfo.InvariantCulture, out var process) && !ChildProcess.Send(process, ChildSignal.None))
            {
                TryDelete(old);
            }
        }

        var own = Path.Combine(shared, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}"));
        Directory.CreateDirectory(own);
        Environment.SetEnvironmentVariable("TMPDIR", own);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End(own);
    }

    /// <summary>What a test should have removed is said, and removed with what other programs keep (NuGet's scratch folder).</summary>
    private static void End(string own)
    {
        var left = Directory.GetFileSystemEntries(own, "i2v-*").Select(Path.GetFileName).Order(StringComparer.Ordinal).ToList();
        if (left.Count > 0)
        {
            Console.Error.WriteLine($"Left behind by tests: {string.Join(", ", left)}");
        }

        TryDelete(own);
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another user's, or still in use: the next test process sweeps it.
        }
    }
}
