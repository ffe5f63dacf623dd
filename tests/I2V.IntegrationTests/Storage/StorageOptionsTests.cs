using I2V.Gateway.Storage;

namespace I2V.IntegrationTests.Storage;

public sealed class StorageOptionsTests
{
    private static readonly string GoodKey = Convert.ToBase64String(new byte[32]);

    [Fact]
    public void A_folder_with_a_key_is_enough() => Assert.True(Check(new() { SigningKey = GoodKey, Folder = { Path = "data" } }).Succeeded);

    [Theory]
    [InlineData(null)]
    [InlineData("c2hvcnQ=")]
    [InlineData("not base64 at all, though it is quite long enough to be a key")]
    public void A_weak_signing_key_is_refused(string? key) =>
        Assert.Contains("Storage:SigningKey", Check(new() { SigningKey = key, Folder = { Path = "data" } }).FailureMessage, StringComparison.Ordinal);

    [Fact]
    public void A_folder_store_needs_its_folder() =>
        Assert.Contains("Storage:Folder:Path", Check(new() { SigningKey = GoodKey }).FailureMessage, StringComparison.Ordinal);

    [Theory]
    [InlineData(null, "k", "s", "Storage:S3:Endpoint")]
    [InlineData("minio:9000", "k", "s", "Storage:S3:Endpoint")]
    [InlineData("http://minio:9000/bucket", "k", "s", "Storage:S3:Endpoint")]
    [InlineData("http://minio:9000", null, "s", "Storage:S3:AccessKey")]
    [InlineData("http://minio:9000", "k", "", "Storage:S3:AccessKey")]
    public void S3_needs_an_address_and_credentials(string? endpoint, string? accessKey, string? secretKey, string named)
    {
        var options = new StorageOptions { Kind = StorageKind.S3, S3 = { Endpoint = endpoint, AccessKey = accessKey, SecretKey = secretKey } };

        Assert.Contains(named, Check(options).FailureMessage, StringComparison.Ordinal);
    }

    private static Microsoft.Extensions.Options.ValidateOptionsResult Check(StorageOptions options) => new StorageOptionsCrossCheck().Validate(null, options);
}
