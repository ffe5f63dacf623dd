using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Storage;

/// <summary>Objects as files of one folder. Readers and writers outside the gateway go through <see cref="StorageApi"/>.</summary>
internal sealed class FolderObjectStore(IOptions<StorageOptions> options, FolderLinks links, TimeProvider clock) : IObjectStore
{
    public FolderFiles Files { get; } = new(options.Value.Folder.Path ?? "");

    public Task PutAsync(string key, Stream content, string contentType, CancellationToken ct) =>
        Files.WriteAsync(ObjectKey.Check(key), content, expected: null, ct);

    public Task<Stream> OpenReadAsync(string key, ByteRange? range, CancellationToken ct)
    {
        var file = Files.OpenRead(ObjectKey.Check(key));
        if (range is not { } part)
        {
            return Task.FromResult<Stream>(file);
        }

        if (part.From >= file.Length)
        {
            file.Dispose();
            throw StorageException.InvalidRange(key, part);
        }

        return Task.FromResult<Stream>(new PartOfFile(file, part));
    }

    public Task<ObjectInfo?> HeadAsync(string key, CancellationToken ct)
    {
        var file = new FileInfo(Files.PathOf(ObjectKey.Check(key)));
        return Task.FromResult(file.Exists ? Describe(key, file) : null);
    }

    public Task DeleteAsync(string key, CancellationToken ct)
    {
        Files.Delete(ObjectKey.Check(key));
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask; // A folder answers at once; the interface is made for servers.
        var folder = new DirectoryInfo(Files.PathOf(ObjectKey.CheckPrefix(prefix)));
        foreach (var file in Enumerate(folder))
        {
            ct.ThrowIfCancellationRequested();
            var key = Path.GetRelativePath(Files.Root, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (ObjectKey.IsValid(key) && file.Exists)
            {
                yield return Describe(key, file);
            }
        }
    }

    public Task<IReadOnlyList<ObjectInfo>> ListPageAsync(string after, int most, CancellationToken ct)
    {
        List<ObjectInfo> found = [];
        foreach (var key in FolderPage.Walk(Files.Root, after))
        {
            ct.ThrowIfCancellationRequested();
            var file = new FileInfo(Files.PathOf(key));
            if (file.Exists)
            {
                found.Add(Describe(key, file));
            }

            if (found.Count == most)
            {
                break;
            }
        }

        return Task.FromResult<IReadOnlyList<ObjectInfo>>(found);
    }

    public SignedUrl SignGet(string key, TimeSpan lifetime, string? downloadName = null) =>
        links.Sign(new FolderGrant(FolderLinks.Get, ObjectKey.Check(key), Expiry(lifetime), DownloadName: downloadName), new Dictionary<string, string>());

    public SignedUrl SignPut(string key, string contentType, long bytes, TimeSpan lifetime) =>
        links.Sign(
            new FolderGrant(FolderLinks.Put, ObjectKey.Check(key), Expiry(lifetime), bytes, contentType),
            new Dictionary<string, string> { ["Content-Type"] = contentType });

    public async Task CheckAsync(CancellationToken ct)
    {
        var key = $"health/{Guid.NewGuid():N}";
        await this.PutAsync(key, "i2v"u8.ToArray(), ContentTypes.Bytes, ct);
        Files.Delete(key);
    }

    /// <summary>All of them at once, so that deleting while listing skips none.</summary>
    private static FileInfo[] Enumerate(DirectoryInfo folder)
    {
        try
        {
            var every = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
            return folder.GetFiles("*", every);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw StorageException.Unavailable("the folder cannot be read", error);
        }
    }

    private static ObjectInfo Describe(string key, FileInfo file) =>
        new(key, file.Length, ContentTypes.Of(key), new DateTimeOffset(file.LastWriteTimeUtc));

    /// <summary>Whole seconds, rounded up: that is what the link carries.</summary>
    private DateTimeOffset Expiry(TimeSpan lifetime)
    {
        var exact = clock.GetUtcNow() + lifetime;
        return DateTimeOffset.FromUnixTimeSeconds((exact.ToUnixTimeMilliseconds() + 999) / 1000);
    }
}
