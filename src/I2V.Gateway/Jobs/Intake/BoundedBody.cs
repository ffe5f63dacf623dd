using System.Buffers;
using I2V.Gateway.Errors;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Reads a stream into memory and stops at a limit, before more is held.</summary>
internal static class BoundedBody
{
    private const int ChunkBytes = 64 << 10;

    /// <exception cref="RefusedException">413: there are more bytes than <paramref name="most"/>.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(Stream stream, long most, string tooLarge, CancellationToken ct) =>
        await TryReadAsync(stream, most, ct) ?? throw new RefusedException(Problems.TooLarge(tooLarge));

    /// <returns>Null when there are more bytes than <paramref name="most"/>.</returns>
    public static async Task<ReadOnlyMemory<byte>?> TryReadAsync(Stream stream, long most, CancellationToken ct)
    {
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        var held = new ArrayBufferWriter<byte>();
        try
        {
            int read;
            while ((read = await stream.ReadAsync(chunk, ct)) > 0)
            {
                if (held.WrittenCount + read > most)
                {
                    return null;
                }

                held.Write(chunk.AsSpan(0, read));
            }

            return held.WrittenMemory;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }
}
