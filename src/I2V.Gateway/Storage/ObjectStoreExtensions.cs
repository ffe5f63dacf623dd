using System.Security.Cryptography;

namespace I2V.Gateway.Storage;

/// <summary>What is the same for every store.</summary>
internal static class ObjectStoreExtensions
{
    private const int DeletesAtOnce = 8;

    public static async Task PutAsync(this IObjectStore store, string key, ReadOnlyMemory<byte> content, string contentType, CancellationToken ct)
    {
        using var stream = new MemoryStream(content.ToArray(), writable: false);
        await store.PutAsync(key, stream, contentType, ct);
    }

    /// <summary>Removes every object below a prefix. One by one: many S3 servers want another checksum for their batch call.</summary>
    public static Task DeletePrefixAsync(this IObjectStore store, string prefix, CancellationToken ct) =>
        Parallel.ForEachAsync(
            store.ListAsync(prefix, ct),
            new ParallelOptions { MaxDegreeOfParallelism = DeletesAtOnce, CancellationToken = ct },
            async (found, token) => await store.DeleteAsync(found.Key, token));

    /// <summary>Reads an object back and hashes it: the proof that it is what the worker says, which stored metadata is not.</summary>
    /// <returns>Lower-case hexadecimal.</returns>
    /// <exception cref="StorageException"><see cref="StorageError.NotFound"/>.</exception>
    public static async Task<string> Sha256Async(this IObjectStore store, string key, CancellationToken ct)
    {
        await using var content = await store.OpenReadAsync(key, range: null, ct);
        try
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(content, ct));
        }
        catch (IOException error)
        {
            throw StorageException.Unavailable("the object could not be read to its end", error);
        }
    }
}
