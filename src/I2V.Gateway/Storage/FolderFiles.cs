namespace I2V.Gateway.Storage;

/// <summary>
/// Files of the folder store, by key. A file gets its name when it is complete and on the disk, so that no reader and no
/// crash ever sees half of one.
/// </summary>
internal sealed class FolderFiles(string root)
{
    // A key's segment begins with a letter or digit, so no key leads in here.
    private const string Unfinished = ".unfinished";
    private const int CopyBuffer = 128 << 10;

    public string Root { get; } = Path.GetFullPath(root);

    public string PathOf(string key) => Path.Combine(Root, key.Replace('/', Path.DirectorySeparatorChar));

    /// <param name="expected">Null takes any size; else content of another size is refused and leaves nothing.</param>
    /// <returns>False when the content did not have the expected size.</returns>
    /// <exception cref="StorageException">The disk failed. What the source of the content throws passes through.</exception>
    public async Task<bool> WriteAsync(string key, Stream content, long? expected, CancellationToken ct)
    {
        var part = Path.Combine(Root, Unfinished, Guid.NewGuid().ToString("N"));
        try
        {
            var written = await CopyAsync(content, part, expected ?? long.MaxValue, ct);
            if (expected is not null && written != expected)
            {
                return false;
            }

            OnDisk(() => Publish(part, PathOf(key)));
            return true;
        }
        finally
        {
            OnDisk(() => DeleteIfThere(part));
        }
    }

    public FileStream OpenRead(string key)
    {
        try
        {
            return new FileStream(PathOf(key), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, CopyBuffer, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw StorageException.NotFound(key, error);
        }
        catch (Exception error) when (IsDisk(error))
        {
            throw StorageException.Unavailable("a file cannot be read", error);
        }
    }

    /// <summary>Removes folders that become empty too.</summary>
    public void Delete(string key) => OnDisk(() =>
    {
        var file = PathOf(key);
        DeleteIfThere(file);
        RemoveEmptyFolders(Path.GetDirectoryName(file)!);
    });

    private static async Task<long> CopyAsync(Stream content, string part, long most, CancellationToken ct)
    {
        var buffer = new byte[CopyBuffer];
        FileStream? target = null;
        OnDisk(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(part)!);
            target = new FileStream(part, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        });
        using (target)
        {
            int read;
            while (target!.Position <= most && (read = await content.ReadAsync(buffer, ct)) > 0)
            {
                OnDisk(() => target.Write(buffer, 0, read));
            }

            OnDisk(() => target.Flush(flushToDisk: true));
            return target.Position;
        }
    }

    /// <summary>Deleting a neighbour may remove the folder between the two steps: then it is made again.</summary>
    private static void Publish(string part, string file)
    {
        for (var tries = 0; ; tries++)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            try
            {
                File.Move(part, file, overwrite: true);
                return;
            }
            catch (DirectoryNotFoundException) when (tries < 10)
            {
                // Try again.
            }
        }
    }

    private static void DeleteIfThere(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing to delete.
        }
    }

    private static void OnDisk(Action action)
    {
        try
        {
            action();
        }
        catch (Exception error) when (IsDisk(error))
        {
            throw StorageException.Unavailable("the folder cannot be written", error);
        }
    }

    private static bool IsDisk(Exception error) => error is IOException or UnauthorizedAccessException;

    private void RemoveEmptyFolders(string folder)
    {
        try
        {
            for (; folder.Length > Root.Length; folder = Path.GetDirectoryName(folder)!)
            {
                Directory.Delete(folder, recursive: false);
            }
        }
        catch (IOException)
        {
            // Not empty, or somebody else was faster.
        }
    }
}
