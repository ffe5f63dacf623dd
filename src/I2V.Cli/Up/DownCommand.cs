using System.CommandLine;
using System.Globalization;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary><c>i2v down</c>.</summary>
internal static class DownCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private static readonly Option<bool> Purge = new("--purge") { Description = "Remove the data folder too: jobs, films, keys, logs." };

    public static Command Create()
    {
        var command = new Command("down", "Stop what `up` runs with the same data.") { DataOption.Instance, Purge };
        command.SetAction((parsed, ct) => RunAsync(new DataFolder(DataOption.Folder(parsed)), parsed.GetValue(Purge), ct));
        return command;
    }

    private static async Task<int> RunAsync(DataFolder data, bool purge, CancellationToken ct)
    {
        if (!File.Exists(data.MarkerFile))
        {
            throw new CliException($"{data.Root} holds no data of `i2v up`; name the folder with `--data`.");
        }

        // Held until the folder is gone, so that no `up` begins in between.
        using var held = await StopAsync(data, ct);
        if (purge)
        {
            Directory.Delete(data.Root, recursive: true);
            Console.WriteLine($"Removed {data.Root}.");
        }

        return ExitCode.Ok;
    }

    private static async Task<FileStream> StopAsync(DataFolder data, CancellationToken ct)
    {
        if (data.TryLock() is { } free)
        {
            Console.WriteLine("Nothing was running.");
            return free;
        }

        if (data.RunningPid() is not { } pid || !ChildProcess.Send(pid, ChildSignal.Terminate))
        {
            throw new CliException($"Another `i2v` uses {data.Root} and you may not stop it: run `i2v down` as the user who started it.");
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(Patience);
        try
        {
            while (true)
            {
                if (data.TryLock() is { } held)
                {
                    Console.WriteLine("Stopped.");
                    return held;
                }

                await Task.Delay(BetweenLooks, patience.Token);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new CliException(string.Create(CultureInfo.InvariantCulture, $"`i2v up` (process {pid}) did not stop within {Patience.TotalSeconds} s; `kill -9 {pid}` ends it and all it started."));
        }
    }
}
