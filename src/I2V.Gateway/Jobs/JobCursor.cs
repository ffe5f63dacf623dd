using System.Buffers.Text;

namespace I2V.Gateway.Jobs;

/// <summary>Where a page ended: the id of its last job. Ids grow with time, so a page is stable while new jobs arrive.</summary>
internal static class JobCursor
{
    private const byte Version = 1;

    public static string Write(Guid last)
    {
        Span<byte> bytes = stackalloc byte[17];
        bytes[0] = Version;
        last.TryWriteBytes(bytes[1..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }

    public static bool TryRead(string text, out Guid last)
    {
        last = default;
        Span<byte> bytes = stackalloc byte[18];
        if (text.Length != 23 || !Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out var length) || length != 17 || bytes[0] != Version)
        {
            return false;
        }

        last = new Guid(bytes[1..17], bigEndian: true);
        return true;
    }
}
