using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Storage;

/// <summary>Objects in one bucket of an S3 server. Only the gateway knows the credentials; everybody else gets signed URLs.</summary>
internal sealed class S3ObjectStore : IObjectStore, IDisposable
{
    private readonly AmazonS3Client s3;
    private readonly S3Links links;
    private readonly string bucket;

    public S3ObjectStore(IOptions<StorageOptions> options, TimeProvider clock)
    {
        var settings = options.Value.S3;
        bucket = settings.Bucket;
        s3 = S3Client.Create(settings, settings.Endpoint!);
        links = new S3Links(settings, clock);
    }

    public async Task PutAsync(string key, Stream content, string contentType, CancellationToken ct)
    {
        if (!content.CanSeek)
        {
            throw new ArgumentException("The content must be seekable: S3 wants its size and hash before its bytes.", nameof(content));
        }

        var request = new PutObjectRequest
        {
            BucketName = bucket,
            Key = ObjectKey.Check(key),
            InputStream = content,
            ContentType = contentType,
            AutoCloseStream = false,
            AutoResetStreamPosition = false,
            UseChunkEncoding = false,
        };
        _ = await AskAsync(() => s3.PutObjectAsync(request, ct), ct)
            ?? throw StorageException.Unavailable("the bucket does not exist");
    }

    public async Task<Stream> OpenReadAsync(string key, ByteRange? range, CancellationToken ct)
    {
        var request = new GetObjectRequest { BucketName = bucket, Key = ObjectKey.Check(key) };
        if (range is { } part)
        {
            request.ByteRange = new Amazon.S3.Model.ByteRange(string.Create(CultureInfo.InvariantCulture, $"bytes={part.From}-{part.To}"));
        }

        var response = await AskAsync(() => s3.GetObjectAsync(request, ct), ct)
            ?? throw StorageException.NotFound(key);
        return response.ResponseStream;
    }

    public async Task<ObjectInfo?> HeadAsync(string key, CancellationToken ct)
    {
        var request = new GetObjectMetadataRequest { BucketName = bucket, Key = ObjectKey.Check(key) };
        return await AskAsync(() => s3.GetObjectMetadataAsync(request, ct), ct) is { } head
            ? new ObjectInfo(key, head.ContentLength, head.Headers.ContentType, Utc(head.LastModified))
            : null;
    }

    public Task DeleteAsync(string key, CancellationToken ct)
    {
        var request = new DeleteObjectRequest { BucketName = bucket, Key = ObjectKey.Check(key) };
        return AskAsync(() => s3.DeleteObjectAsync(request, ct), ct);
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct)
    {
        var request = new ListObjectsV2Request { BucketName = bucket, Prefix = ObjectKey.CheckPrefix(prefix) };
        while (await AskAsync(() => s3.ListObjectsV2Async(request, ct), ct) is { } page)
        {
            foreach (var found in page.S3Objects ?? [])
            {
                yield return new ObjectInfo(found.Key, found.Size ?? 0, ContentType: null, Utc(found.LastModified));
            }

            if (page.IsTruncated != true)
            {
                yield break;
            }

            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    public async Task<IReadOnlyList<ObjectInfo>> ListPageAsync(string after, int most, CancellationToken ct)
    {
        List<ObjectInfo> found = [];
        var request = new ListObjectsV2Request { BucketName = bucket, StartAfter = after.Length == 0 ? null : after };
        do
        {
            // A server may answer with fewer than it was asked for.
            request.MaxKeys = most - found.Count;
            if (await AskAsync(() => s3.ListObjectsV2Async(request, ct), ct) is not { } page)
            {
                break;
            }

            found.AddRange((page.S3Objects ?? []).Select(listed => new ObjectInfo(listed.Key, listed.Size ?? 0, ContentType: null, Utc(listed.LastModified))));
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (found.Count < most && request.ContinuationToken is not null);

        return found;
    }

    public SignedUrl SignGet(string key, TimeSpan lifetime, string? downloadName = null) => links.Get(ObjectKey.Check(key), lifetime, downloadName);

    public SignedUrl SignPut(string key, string contentType, long bytes, TimeSpan lifetime) => links.Put(ObjectKey.Check(key), contentType, bytes, lifetime);

    public async Task CheckAsync(CancellationToken ct)
    {
        if (await AskAsync(() => s3.HeadBucketAsync(new HeadBucketRequest { BucketName = bucket }, ct), ct) is null)
        {
            await CreateBucketAsync(ct);
        }

        var key = $"health/{Guid.NewGuid():N}";
        await this.PutAsync(key, "i2v"u8.ToArray(), ContentTypes.Bytes, ct);
        await DeleteAsync(key, ct);
    }

    public void Dispose()
    {
        s3.Dispose();
        links.Dispose();
    }

    private async Task CreateBucketAsync(CancellationToken ct)
    {
        try
        {
            await s3.PutBucketAsync(new PutBucketRequest { BucketName = bucket }, ct);
        }
        catch (AmazonS3Exception error) when (error.StatusCode == HttpStatusCode.Conflict)
        {
            // Another gateway made it at the same moment; if it is somebody else's, the write that follows says so.
        }
        catch (Exception error) when (error is AmazonServiceException or AmazonClientException or HttpRequestException)
        {
            throw StorageException.Unavailable("the bucket could not be made", error);
        }
    }

    /// <summary>One request, with what can go wrong in our words; null is S3's 404.</summary>
    private static async Task<T?> AskAsync<T>(Func<Task<T>> request, CancellationToken ct)
        where T : class
    {
        try
        {
            return await request();
        }
        catch (AmazonS3Exception error) when (error.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (AmazonS3Exception error) when (error.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            throw new StorageException(StorageError.InvalidRange, "The range begins past the end of the object.", error);
        }
        catch (AmazonS3Exception error) when (error.StatusCode == HttpStatusCode.Forbidden)
        {
            throw StorageException.Unavailable("the S3 server refuses the access key, the secret key or the bucket", error);
        }
        catch (Exception error) when (IsOutage(error) && !ct.IsCancellationRequested)
        {
            throw StorageException.Unavailable("the S3 server does not answer as it should", error);
        }
    }

    private static bool IsOutage(Exception error) =>
        error is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or TimeoutException or OperationCanceledException;

    private static DateTimeOffset Utc(DateTime? time) => new((time ?? DateTime.UnixEpoch).ToUniversalTime());
}
