using I2V.Inference.Models;

namespace I2V.ModelBuilder.Packages;

/// <summary>Where a package shall be, and the hidden folder beside it where it grows.</summary>
internal sealed class PackagePlace
{
    private readonly string folder;

    public PackagePlace(string folder)
    {
        this.folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        Parent = Path.GetDirectoryName(this.folder)
            ?? throw new PackageException($"{this.folder} cannot be a package: name a folder of its own.");
        Unfinished = Path.Combine(Parent, $".{Path.GetFileName(this.folder)}.unfinished");
    }

    public string Unfinished { get; }

    private string Parent { get; }

    /// <summary>A package there is replaced; anything else is not touched.</summary>
    public void Check()
    {
        if (File.Exists(folder))
        {
            throw new PackageException($"{folder} is a file: name a folder for the package.");
        }

        if (Directory.Exists(folder) && !File.Exists(Path.Combine(folder, ModelManifestJson.FileName)) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new PackageException($"{folder} holds other files and no package: name an empty or a new folder.");
        }
    }

    /// <summary>Makes the hidden folder this build's own until the lock is disposed.</summary>
    public IDisposable Hold()
    {
        Directory.CreateDirectory(Unfinished);
        var path = $"{Unfinished}.lock";
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error) when (File.Exists(path))
        {
            throw new PackageException($"Another build is writing {folder}: wait for it, or name another folder.", error);
        }
    }

    public void CheckSpace(long bytes)
    {
        var free = new DriveInfo(Unfinished).AvailableFreeSpace;
        if (bytes > free)
        {
            throw new PackageException(FormattableString.Invariant(
                $"The package needs {bytes / 1e9:0.0} GB more in {Parent}, where {free / 1e9:0.0} GB are free: make room, or name a folder on another disk."));
        }
    }

    /// <summary>Removes every file but these.</summary>
    public void Keep(IReadOnlyCollection<string> paths)
    {
        var kept = paths.Select(path => Path.Combine(Unfinished, path)).ToHashSet();
        foreach (var file in Directory.EnumerateFiles(Unfinished, "*", SearchOption.AllDirectories).Where(file => !kept.Contains(file)))
        {
            File.Delete(file);
        }
    }

    /// <summary>Moves the finished package to its place.</summary>
    public void Finish()
    {
        var old = $"{Unfinished}-old";
        if (Directory.Exists(folder))
        {
            DeleteIfThere(old);
            Directory.Move(folder, old);
        }

        Directory.Move(Unfinished, folder);
        DeleteIfThere(old);
    }

    private static void DeleteIfThere(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
