namespace I2V.Media.Tools;

/// <summary>Where ffmpeg, ffprobe and prlimit are: the variable that names one, else the PATH.</summary>
internal static class ToolPath
{
    /// <exception cref="MediaException">Not installed.</exception>
    public static string Ffmpeg() => Find("ffmpeg", "I2V_FFMPEG");

    /// <exception cref="MediaException">Not installed.</exception>
    public static string Ffprobe() => Find("ffprobe", "I2V_FFPROBE");

    /// <summary>Null where util-linux is absent: then only the limits that the tools and this process enforce hold.</summary>
    public static string? Prlimit() => OperatingSystem.IsLinux() ? OnPath("prlimit") : null;

    private static string Find(string tool, string variable)
    {
        var named = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(named))
        {
            return OnPath(tool)
                ?? throw new MediaException(MediaError.ToolMissing, $"{tool} was not found: install ffmpeg, or set {variable} to the program's path.");
        }

        return File.Exists(named)
            ? named
            : throw new MediaException(MediaError.ToolMissing, $"{variable} names a file that does not exist: set it to the path of {tool}, or unset it to search the PATH.");
    }

    private static string? OnPath(string tool)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var file = OperatingSystem.IsWindows() ? tool + ".exe" : tool;
        return folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }
}
