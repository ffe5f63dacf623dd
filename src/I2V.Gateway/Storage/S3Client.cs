using Amazon.Runtime;
using Amazon.S3;

namespace I2V.Gateway.Storage;

/// <summary>The SDK's settings that MinIO, Ceph, Swift and others need beside AWS itself.</summary>
internal static class S3Client
{
    public static AmazonS3Client Create(S3StorageOptions settings, string endpoint) => new(
        new BasicAWSCredentials(settings.AccessKey, settings.SecretKey),
        new AmazonS3Config
        {
            ServiceURL = endpoint,
            AuthenticationRegion = settings.Region,
            ForcePathStyle = true,

            // The SDK's own trailing checksums are unknown to many servers; results are hashed again by us anyway.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            MaxErrorRetry = 2,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            Timeout = TimeSpan.FromMinutes(5),
        });
}
