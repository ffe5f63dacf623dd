using System.Net;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.Protocol.Errors;
using I2V.Worker.Gateway;
using I2V.Worker.RenderJob;

namespace I2V.Tests.Worker;

public sealed class FailureClassifierTests
{
    public static TheoryData<Exception, string, bool> Failures => new()
    {
        { new GenerationException(GenerationError.InvalidSettings, "num_frames is 65"), ErrorCode.InvalidInput, false },
        { new GenerationException(GenerationError.OutOfDeviceMemory, "oom"), ErrorCode.VramInsufficient, false },
        { new GenerationException(GenerationError.ModelLoadFailed, "no"), ErrorCode.ModelLoadFailed, true },
        { new GenerationException(GenerationError.RuntimeMissing, "no"), ErrorCode.ModelLoadFailed, true },
        { new GenerationException(GenerationError.InferenceFailed, "node failed"), ErrorCode.InferenceFailed, true },
        { new GenerationException(GenerationError.DeviceLost, "CUDA failure 700"), ErrorCode.InferenceFailed, true },
        { new MediaException(MediaError.ImageUnreadable, "damaged"), ErrorCode.ImageUnreadable, false },
        { new MediaException(MediaError.ImageTooLarge, "large"), ErrorCode.ImageTooLarge, false },
        { new MediaException(MediaError.EncodeFailed, "ffmpeg"), ErrorCode.EncodeFailed, true },
        { new MediaException(MediaError.ToolMissing, "ffmpeg"), ErrorCode.EncodeFailed, true },
        { new GatewayException(GatewayError.Unreachable, "away"), ErrorCode.StorageUnavailable, true },
        { new HttpRequestException("x", null, HttpStatusCode.Forbidden), ErrorCode.StorageUnavailable, true },
        { new HttpRequestException("x"), ErrorCode.StorageUnavailable, true },
        { new IOException("No space left on device : '/data/scratch/x'", 28), ErrorCode.StorageUnavailable, true },
        { new IOException("broken"), ErrorCode.StorageUnavailable, true },
        { new InvalidDataException("larger than any"), ErrorCode.StorageUnavailable, true },
        { new InsufficientMemoryException(), ErrorCode.RamInsufficient, false },
        { new TimeoutException(), ErrorCode.RunTimeout, false },
        { new InvalidOperationException("/secret/path"), ErrorCode.Internal, true },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void Every_kind_of_failure_has_its_code_and_its_retry(Exception error, string code, bool retryable)
    {
        var failure = FailureClassifier.Classify(error);
        Assert.Equal(code, failure.Code);
        Assert.Equal(retryable, ErrorCode.IsRetryable(failure.Code));
        Assert.NotEmpty(failure.Message);
        Assert.DoesNotContain("/", failure.Message.Replace("http", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_disk_is_called_by_its_name() =>
        Assert.Equal("The worker's disk is full.", FailureClassifier.Classify(new IOException("No space left on device", 28)).Message);

    [Theory]
    [InlineData("Cannot read /srv/models/motion/camera.onnx: damaged.", "Cannot read …: damaged.")]
    [InlineData("GET http://store:9000/bucket/key?X-Signature=abc failed", "GET … failed")]
    [InlineData("Loaded 3/4 parts of 16/9 film", "Loaded 3/4 parts of 16/9 film")]
    public void Messages_name_no_paths_and_no_addresses(string message, string clean) => Assert.Equal(clean, FailureClassifier.Clean(message));
}
