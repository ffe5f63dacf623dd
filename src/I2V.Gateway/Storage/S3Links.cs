using System.Globalization;
using System.Net.Mime;
using Amazon.S3;
using Amazon.S3.Model;

namespace I2V.Gateway.Storage;

/// <summary>Signs S3 URLs for the address under which others reach the server: the host is part of the signature.</summary>
internal sealed class S3Links : IDisposable
{
    private readonly AmazonS3Client s3;
    private readonly Amazon.S3.Protocol protocol;
    private readonly string bucket;
    private readonly TimeProvider clock;

    public S3Links(S3StorageOptions settings, TimeProvider clock)
    {
        var endpoint = string.IsNullOrEmpty(settings.PublicEndpoint) ? settings.Endpoint! : settings.PublicEndpoint;
        s3 = S3Client.Create(settings, endpoint);
        protocol = new Uri(endpoint).Scheme == Uri.UriSchemeHttp ? Amazon.S3.Protocol.HTTP : Amazon.S3.Protocol.HTTPS;
        bucket = settings.Bucket;
        this.clock = clock;
    }

    public SignedUrl Get(string key, TimeSpan lifetime, string? downloadName)
    {
        var request = Request(key, HttpVerb.GET, lifetime);
        if (downloadName is not null)
        {
            request.ResponseHeaderOverrides.ContentDisposition = new ContentDisposition { FileName = downloadName }.ToString();
        }

        return Sign(request, new Dictionary<string, string>());
    }

    public SignedUrl Put(string key, string contentType, long bytes, TimeSpan lifetime)
    {
        var request = Request(key, HttpVerb.PUT, lifetime);
        request.ContentType = contentType;
        request.Headers["Content-Length"] = bytes.ToString(CultureInfo.InvariantCulture);
        return Sign(request, new Dictionary<string, string> { ["Content-Type"] = contentType });
    }

    public void Dispose() => s3.Dispose();

    private GetPreSignedUrlRequest Request(string key, HttpVerb verb, TimeSpan lifetime) => new()
    {
        BucketName = bucket,
        Key = key,
        Verb = verb,
        Expires = (clock.GetUtcNow() + lifetime).UtcDateTime,

        // The SDK signs https unless told.
        Protocol = protocol,
    };

    private SignedUrl Sign(GetPreSignedUrlRequest request, Dictionary<string, string> headers) =>
        new(s3.GetPreSignedURL(request), headers, new DateTimeOffset(request.Expires!.Value, TimeSpan.Zero));
}
