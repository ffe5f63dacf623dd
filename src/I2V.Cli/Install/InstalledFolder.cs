namespace I2V.Cli.Install;

/// <summary>Puts downloaded files in place in one step, so that an interrupted download never looks installed.</summary>
internal static class InstalledFolder
{
    /// <summary>Copies the files of <paramref name="source"/>; both must be on one file system.</summary>
    public static void Replace(string source, string target)
    {
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        Directory.Move(source, target);
    }
}
