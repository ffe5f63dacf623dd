using System.Security.Cryptography;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Scheduling;
using I2V.Gateway.Storage;
using I2V.Media;
using I2V.Protocol.Errors;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Jobs;

/// <summary>Gets the picture, makes it upright and plain, and stores it for the worker. What a user sent is never stored as it came.</summary>
internal sealed partial class ImageIntake(ImageFetch fetch, IObjectStore store, IOptions<IntakeOptions> options, ILogger<ImageIntake> log) : IDisposable
{
    private readonly SemaphoreSlim decoders = new(options.Value.Decoders);

    /// <exception cref="RefusedException">The picture cannot be had or is none that we read.</exception>
    public async Task<NormalisedImage> ReadAsync(ImageSource source, CancellationToken ct)
    {
        var file = source switch
        {
            ImageSource.Inline inline => inline.File,
            ImageSource.Remote remote => await fetch.FetchAsync(remote.Url, ct),
            _ => throw new InvalidOperationException($"A picture cannot come from {source.GetType().Name}."),
        };
        if (file.IsEmpty)
        {
            throw new RefusedException(Problems.Invalid("/input/image", "The image is empty: the file has no bytes.", ErrorCode.ImageUnreadable));
        }

        await decoders.WaitAsync(ct);
        try
        {
            return await ImageReader.NormaliseAsync(file, new ImageLimits(), ct);
        }
        finally
        {
            decoders.Release();
        }
    }

    public async Task<JobInput> StoreAsync(Guid tenant, Guid job, NormalisedImage image, CancellationToken ct)
    {
        var key = ArtifactKeys.Input(tenant, job);
        await store.PutAsync(key, image.Png, ContentTypes.Png, ct);
        return new JobInput(key, Convert.ToHexStringLower(SHA256.HashData(image.Png)), image.Width, image.Height, image.Png.Length);
    }

    /// <summary>Takes a stored picture back when there will be no job for it. The request's own end does not stop this.</summary>
    public async Task DiscardAsync(Guid tenant, Guid job)
    {
        try
        {
            await store.DeleteAsync(ArtifactKeys.Input(tenant, job), CancellationToken.None);
        }
        catch (StorageException error)
        {
            LogLeft(error, job);
        }
    }

    public void Dispose() => decoders.Dispose();

    [LoggerMessage(3101, LogLevel.Warning, "The picture of job {JobId}, which was not accepted, could not be removed from storage")]
    private partial void LogLeft(Exception error, Guid jobId);
}
