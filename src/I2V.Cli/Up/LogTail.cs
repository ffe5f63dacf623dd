namespace I2V.Cli.Up;

/// <summary>The end of a child's log, for the moment when `up` gives up; and a fresh log for a new run.</summary>
internal static class LogTail
{
    private const int Lines = 20;
    private const int Bytes = 16_384;

    public static string Of(string file)
    {
        if (!File.Exists(file))
        {
            return "";
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Seek(-Math.Min(Bytes, stream.Length), SeekOrigin.End);
        using var reader = new StreamReader(stream);
        var tail = reader.ReadToEnd().TrimEnd().Split('\n').TakeLast(Lines);
        return $"{Environment.NewLine}The end of {file}:{Environment.NewLine}{string.Join(Environment.NewLine, tail.Select(line => "  " + line))}";
    }

    /// <summary>Keeps the logs of the last run beside the new ones.</summary>
    public static void Rotate(string folder)
    {
        foreach (var log in Directory.GetFiles(folder, "*.log"))
        {
            File.Move(log, log + ".1", overwrite: true);
        }
    }
}
