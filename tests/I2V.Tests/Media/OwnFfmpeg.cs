using System.Diagnostics;
using I2V.Media.Tools;

namespace I2V.Tests.Media;

/// <summary>
/// Tests that count child processes, or replace ffmpeg by a program of their own, run when nothing else does.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OwnFfmpeg
{
    public const string Name = "ffmpeg";
}

/// <summary>What a call must not leave behind.</summary>
internal static class Leftovers
{
    /// <summary>Fails when a child process of this one is still there, or a file in <paramref name="folder"/>.</summary>
    public static void AssertNone(string? folder = null)
    {
        Assert.Empty(Children());
        if (folder is not null)
        {
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
    }

    private static IEnumerable<string> Children()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(folder => int.TryParse(Path.GetFileName(folder), out _)))
        {
            string[] stat;
            try
            {
                // pid (name) state parent …; the name may hold blanks.
                var text = File.ReadAllText(Path.Combine(folder, "stat"));
                stat = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            }
            catch (IOException)
            {
                continue;
            }

            if (stat[1] == Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                yield return $"{folder} {stat[0]}";
            }
        }
    }
}

/// <summary>Puts a shell script in ffmpeg's place until it is disposed.</summary>
internal sealed class FakeFfmpeg : IDisposable
{
    private const string Variable = "I2V_FFMPEG";
    private readonly string? before = Environment.GetEnvironmentVariable(Variable);
    private readonly string folder = Directory.CreateTempSubdirectory("i2v-fake-ffmpeg-").FullName;

    public FakeFfmpeg(string script)
    {
        var file = Path.Combine(folder, "ffmpeg");
        File.WriteAllText(file, "#!/bin/sh\n" + script + "\n");
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("These tests replace ffmpeg by a shell script.");
        }

        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable(Variable, file);
    }

    /// <summary>A path where no program is.</summary>
    public static FakeFfmpeg Missing()
    {
        var fake = new FakeFfmpeg("exit 1");
        Environment.SetEnvironmentVariable(Variable, Path.Combine(fake.folder, "nothing"));
        return fake;
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Variable, before);
        Directory.Delete(folder, recursive: true);
    }
}

/// <summary>Makes test material with the installed ffmpeg, without any of the limits under test.</summary>
internal static class Ffmpeg
{
    /// <param name="input">Standard input.</param>
    /// <returns>Standard output.</returns>
    public static async Task<byte[]> RunAsync(ReadOnlyMemory<byte> input, params string[] arguments)
    {
        var start = new ProcessStartInfo(ToolPath.Ffmpeg(), ["-nostdin", "-hide_banner", "-loglevel", "error", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var feeding = Task.Run(async () =>
        {
            await process.StandardInput.BaseStream.WriteAsync(input, CancellationToken.None);
            process.StandardInput.Close();
        });
        using var output = new MemoryStream();
        await process.StandardOutput.BaseStream.CopyToAsync(output, CancellationToken.None);
        await feeding;
        await process.WaitForExitAsync(CancellationToken.None);
        Assert.True(process.ExitCode == 0, await errors);
        return output.ToArray();
    }
}
