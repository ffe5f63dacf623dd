namespace I2V.Gateway.Storage;

internal enum StorageError
{
    Unknown = 0,

    /// <summary>There is no object of that key.</summary>
    NotFound = 1,

    /// <summary>The range begins past the end of the object.</summary>
    InvalidRange = 2,

    /// <summary>The store cannot be reached, refuses our credentials, or is full.</summary>
    Unavailable = 3,
}

/// <summary>Object storage said no; the message names no path, address or credential.</summary>
internal sealed class StorageException(StorageError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public StorageError Error { get; } = error;

    /// <summary>True when the same call could succeed later.</summary>
    public bool IsTransient => Error is StorageError.Unavailable;

    public static StorageException NotFound(string key, Exception? inner = null) =>
        new(StorageError.NotFound, $"There is no object {key}.", inner);

    public static StorageException InvalidRange(string key, ByteRange range, Exception? inner = null) =>
        new(StorageError.InvalidRange, $"The object {key} has no byte {range.From}.", inner);

    public static StorageException Unavailable(string why, Exception? inner = null) =>
        new(StorageError.Unavailable, $"Object storage is not available: {why}.", inner);
}
