namespace I2V.Media;

public enum MediaError
{
    Unknown = 0,

    /// <summary>Not a PNG, JPEG or WebP, or a damaged one.</summary>
    ImageUnreadable = 1,

    /// <summary>More bytes or pixels than allowed.</summary>
    ImageTooLarge = 2,

    /// <summary>The film could not be written.</summary>
    EncodeFailed = 3,

    /// <summary>ffmpeg or ffprobe is not installed.</summary>
    ToolMissing = 4,
}

/// <summary>A picture or film that could not be read or written; the message is for the user.</summary>
public sealed class MediaException(MediaError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public MediaError Error { get; } = error;

    /// <summary>True when the same input could succeed on another attempt or another machine.</summary>
    public bool IsTransient => Error is MediaError.EncodeFailed or MediaError.ToolMissing;
}
