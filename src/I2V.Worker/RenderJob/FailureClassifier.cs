using System.Text.RegularExpressions;
using I2V.Inference.Devices;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.Protocol.Errors;
using I2V.Worker.Fitting;
using I2V.Worker.Gateway;

namespace I2V.Worker.RenderJob;

/// <param name="Code">One of <see cref="ErrorCode"/>; whether the job is tried again follows from it.</param>
/// <param name="Message">For the user: no paths, no addresses, no secrets.</param>
internal sealed record Failure(string Code, string Message);

/// <summary>The one place that says what an exception means for the job.</summary>
internal static partial class FailureClassifier
{
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;

    public static Failure Classify(Exception error) => error switch
    {
        DoesNotFitException { Refusal: var refusal } => new(refusal.Code, refusal.Message),
        GenerationException { Error: GenerationError.InvalidSettings } => new(ErrorCode.InvalidInput, Clean(error.Message)),
        GenerationException { Error: GenerationError.OutOfDeviceMemory } => new(ErrorCode.VramInsufficient, "The device ran out of memory. Ask for a smaller size or fewer frames."),
        GenerationException { Error: GenerationError.ModelLoadFailed } => new(ErrorCode.ModelLoadFailed, "The worker could not load the model."),
        GenerationException { Error: GenerationError.RuntimeMissing } => new(ErrorCode.ModelLoadFailed, "The worker's inference runtime is missing or cannot be loaded."),
        GenerationException { Error: GenerationError.DeviceLost } => new(ErrorCode.InferenceFailed, "The worker's device failed, so the worker starts again."),
        DeviceException { Error: DeviceError.Lost } => new(ErrorCode.InferenceFailed, "The worker's device failed, so the worker starts again."),
        DeviceException => new(ErrorCode.InferenceFailed, "The worker's device did not answer."),
        GenerationException => new(ErrorCode.InferenceFailed, Clean(error.Message)),
        MediaException { Error: MediaError.ImageUnreadable } => new(ErrorCode.ImageUnreadable, Clean(error.Message)),
        MediaException { Error: MediaError.ImageTooLarge } => new(ErrorCode.ImageTooLarge, Clean(error.Message)),
        MediaException { Error: MediaError.ToolMissing } => new(ErrorCode.EncodeFailed, "The worker has no ffmpeg."),
        MediaException => new(ErrorCode.EncodeFailed, "The film could not be written."),
        GatewayException { Error: GatewayError.Refused } => new(ErrorCode.Internal, "The gateway refused the worker's report."),
        GatewayException => new(ErrorCode.StorageUnavailable, "The gateway could not be reached to store the film."),
        HttpRequestException { StatusCode: { } status } => new(ErrorCode.StorageUnavailable, $"The object store answered {(int)status}."),
        HttpRequestException => new(ErrorCode.StorageUnavailable, "The object store could not be reached."),
        InvalidDataException => new(ErrorCode.StorageUnavailable, Clean(error.Message)),
        IOException { HResult: NoSpaceLeft or QuotaExceeded } => new(ErrorCode.StorageUnavailable, "The worker's disk is full."),
        IOException or UnauthorizedAccessException => new(ErrorCode.StorageUnavailable, "The worker could not read or write its files."),
        OutOfMemoryException => new(ErrorCode.RamInsufficient, "The worker ran out of memory. Ask for a smaller size or fewer frames."),
        TimeoutException => new(ErrorCode.RunTimeout, "The work took longer than it may."),
        _ => new(ErrorCode.Internal, "The worker failed in a way that it does not know; its log has the details."),
    };

    /// <summary>True when nothing in this process can use the device any more.</summary>
    public static bool IsDeviceLost(Exception error) => error is GenerationException { Error: GenerationError.DeviceLost } or DeviceException { Error: DeviceError.Lost };

    /// <summary>Messages of our own libraries are for users, but what they quote may name files or addresses.</summary>
    internal static string Clean(string message) => Locations().Replace(message, "…");

    [GeneratedRegex(@"\b[a-z][a-z0-9+.-]*://\S+|(?<![\w.])/(?:[^\s/'"":;,]+/)+[^\s/'"":;,]*", RegexOptions.IgnoreCase)]
    private static partial Regex Locations();
}
