namespace I2V.Gateway.Storage;

/// <summary>
/// Where inputs and results lie: S3, or a folder behind this gateway. Both behave the same for everybody who uses them, and
/// one suite of tests holds them to it. Keys follow <see cref="ObjectKey"/>; another key is an <see cref="ArgumentException"/>.
/// A store that cannot be reached is a <see cref="StorageException"/>.
/// </summary>
internal interface IObjectStore
{
    /// <summary>Stores an object whole or not at all, over one of the same key.</summary>
    /// <param name="content">Seekable, since S3 wants size and hash first. Read from its position to its end; not disposed.</param>
    /// <param name="contentType">What readers get; the folder store answers with the type of the key's extension instead.</param>
    Task PutAsync(string key, Stream content, string contentType, CancellationToken ct);

    /// <summary>Opens an object, or a part of it.</summary>
    /// <exception cref="StorageException"><see cref="StorageError.NotFound"/>, or <see cref="StorageError.InvalidRange"/> when the range begins past the end.</exception>
    Task<Stream> OpenReadAsync(string key, ByteRange? range, CancellationToken ct);

    /// <summary>Null when there is none.</summary>
    Task<ObjectInfo?> HeadAsync(string key, CancellationToken ct);

    /// <summary>Also succeeds when there is none.</summary>
    Task DeleteAsync(string key, CancellationToken ct);

    /// <summary>Objects whose key begins with <paramref name="prefix"/>, whole segments such as <c>t/…/j/…/</c>, in no particular order.</summary>
    IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, CancellationToken ct);

    /// <summary>
    /// A part of everything that is stored, in an order of the store's own that never changes: a walk can go on after a key whose
    /// object is gone. Other users of the same bucket are seen too, so that names need not follow <see cref="ObjectKey"/>.
    /// </summary>
    /// <param name="after">The last key of the page before; empty for the first page.</param>
    /// <param name="most">1 … 1000.</param>
    /// <returns>Fewer than <paramref name="most"/> only at the end.</returns>
    Task<IReadOnlyList<ObjectInfo>> ListPageAsync(string after, int most, CancellationToken ct);

    /// <summary>A link that anybody may read this object with until it expires.</summary>
    /// <param name="downloadName">Name under which a browser saves it; null lets it show the object.</param>
    SignedUrl SignGet(string key, TimeSpan lifetime, string? downloadName = null);

    /// <summary>A link that anybody may write this object with until it expires: of this type and exactly this size.</summary>
    /// <param name="bytes">The body's exact size: S3 can sign a size, but no upper bound.</param>
    SignedUrl SignPut(string key, string contentType, long bytes, TimeSpan lifetime);

    /// <summary>Writes and removes a small object, and makes what the store needs (its bucket, its folder) when that is missing.</summary>
    /// <exception cref="StorageException">It cannot be written; the message says why.</exception>
    Task CheckAsync(CancellationToken ct);
}

/// <param name="Key">Name of the object.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ContentType">Null in lists of stores that do not list it.</param>
/// <param name="LastModified">When it was stored.</param>
internal sealed record ObjectInfo(string Key, long Bytes, string? ContentType, DateTimeOffset LastModified);

/// <param name="From">First byte, from 0.</param>
/// <param name="To">Last byte, included; null for the end of the object. May lie past the end.</param>
internal readonly record struct ByteRange(long From, long? To = null);

/// <param name="Url">Absolute.</param>
/// <param name="Headers">What the request must carry, exactly so.</param>
/// <param name="ExpiresAt">From then on the store refuses it.</param>
internal sealed record SignedUrl(string Url, IReadOnlyDictionary<string, string> Headers, DateTimeOffset ExpiresAt);
