using System.Globalization;
using System.Text.Json;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>Everything that one stack keeps, under one folder.</summary>
internal sealed class DataFolder(string path)
{
    private const UnixFileMode EnterOnly =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public string Root { get; } = Path.GetFullPath(path);

    public string Postgres => Path.Combine(Root, "postgres");

    public string RabbitMq => Path.Combine(Root, "rabbitmq");

    public string Objects => Path.Combine(Root, "objects");

    public string Models => Path.Combine(Root, "models");

    public string Scratch => Path.Combine(Root, "scratch");

    /// <summary>What workers learned about their devices.</summary>
    public string WorkerState => Path.Combine(Root, "workers");

    public string Logs => Path.Combine(Root, "logs");

    public string ClientFile => Path.Combine(Root, "client.json");

    public string SettingsFile => Path.Combine(Root, "stack.json");

    /// <summary>Says that the folder is ours, so that `down --purge` never removes anything else.</summary>
    public string MarkerFile => Path.Combine(Root, "i2v-data-folder");

    public string LockFile => Path.Combine(Root, "up.lock");

    public string PidFile => Path.Combine(Root, "up.pid");

    public void Create()
    {
        try
        {
            if (Directory.Exists(Root) && !File.Exists(MarkerFile) && !OnlyHoldsDownloads())
            {
                throw new CliException($"{Root} holds other files: choose an empty or a new folder with `--data`.");
            }

            Directory.CreateDirectory(Root);
            // The users of the servers pass through to their own folders; nobody can list.
            File.SetUnixFileMode(Root, EnterOnly);
            foreach (var folder in (string[])[Objects, Models, Scratch, WorkerState, Logs])
            {
                Directory.CreateDirectory(folder);
                File.SetUnixFileMode(folder, Private);
            }

            File.WriteAllText(MarkerFile, "Data of `i2v up`. `i2v down --purge` removes this folder.\n");
        }
        catch (UnauthorizedAccessException)
        {
            throw new CliException($"You may not write to {Root}: choose a folder of your own with `--data`, or change its owner.");
        }
        catch (IOException error)
        {
            throw new CliException($"{Root} cannot be used for data ({error.Message}): choose another folder with `--data`.", error);
        }
    }

    /// <summary>One `up` per folder: held until disposed, and given up by the kernel when the process dies.</summary>
    public FileStream Lock()
    {
        var held = TryLock() ?? throw new CliException(
            $"`i2v up` already runs with the data in {Root}{RunningAs()}; stop it with `i2v down`, or start a second one with another `--data`.");
        File.WriteAllText(PidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return held;
    }

    /// <summary>Null while another process holds it.</summary>
    public FileStream? TryLock()
    {
        try
        {
            return new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(LockFile))
        {
            return null;
        }
    }

    /// <summary>The process that holds the lock, or null.</summary>
    public int? RunningPid() =>
        File.Exists(PidFile) && int.TryParse(File.ReadAllText(PidFile), CultureInfo.InvariantCulture, out var pid) ? pid : null;

    private bool OnlyHoldsDownloads() =>
        Directory.EnumerateFileSystemEntries(Root).All(entry => Path.GetFileName(entry) is "onnxruntime" or "models" or "checkpoints" or "build" or "client.json");

    private string RunningAs() => RunningPid() is { } pid ? $" (process {pid.ToString(CultureInfo.InvariantCulture)})" : "";
}

/// <summary>What the command line, scripts and tests read to talk to the stack.</summary>
internal static class ClientFile
{
    public static Task WriteAsync(string path, string url, string apiKey, CancellationToken ct) =>
        PrivateFile.WriteAsync(path, JsonSerializer.Serialize(new Dictionary<string, string> { ["url"] = url, ["api_key"] = apiKey }) + "\n", ct);
}
