using System.Buffers;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using I2V.Inference.Native;

namespace I2V.ModelBuilder.Weights;

/// <summary>A file mapped into memory, of any size. Reading is safe from several threads.</summary>
internal sealed class MappedFile : IDisposable
{
    private const int Chunk = 1 << 16;

    /// <summary>Floats that are copied at once: their bytes must be countable by an int.</summary>
    private const int FloatChunk = 1 << 28;

    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;

    /// <exception cref="WeightsException">The file is missing, empty or unreadable.</exception>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            Length = new FileInfo(path).Length;
            if (Length == 0)
            {
                throw new WeightsException($"{path} is empty: fetch it again.");
            }

            file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            view = file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            throw new WeightsException($"{path} cannot be read: {error.Message}", error);
        }
    }

    public string Path { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <exception cref="WeightsException">The bytes asked for do not lie in the file.</exception>
    public void Read(long offset, Span<byte> into)
    {
        CheckRange(offset, into.Length);
        view.SafeMemoryMappedViewHandle.ReadSpan((ulong)offset, into);
    }

    /// <exception cref="WeightsException">The bytes asked for do not lie in the file.</exception>
    public byte[] Read(long offset, long length)
    {
        CheckRange(offset, length);
        if (length > Array.MaxLength)
        {
            throw new WeightsException($"{Path} has a part of {length} bytes, which is more than can be read at once ({Array.MaxLength}).");
        }

        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        Read(offset, bytes);
        return bytes;
    }

    /// <summary>Reads little-endian numbers as fp32, which is exact.</summary>
    /// <param name="type">Float, Float16 or BFloat16.</param>
    public void ReadFloats(long offset, TensorElementType type, Span<float> into)
    {
        if (type == TensorElementType.Float)
        {
            for (; !into.IsEmpty; into = into[Math.Min(into.Length, FloatChunk)..], offset += (long)FloatChunk * sizeof(float))
            {
                var bytes = MemoryMarshal.AsBytes(into[..Math.Min(into.Length, FloatChunk)]);
                Read(offset, bytes);
                FloatConversions.ToMachineOrder(bytes, sizeof(float));
            }

            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(Chunk * sizeof(ushort));
        for (; !into.IsEmpty; into = into[Math.Min(into.Length, Chunk)..], offset += Chunk * sizeof(ushort))
        {
            var count = Math.Min(into.Length, Chunk);
            var bytes = buffer.AsSpan(0, count * sizeof(ushort));
            Read(offset, bytes);
            FloatConversions.ToSingle(bytes, type, into[..count]);
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    public void Dispose()
    {
        view.Dispose();
        file.Dispose();
    }

    private void CheckRange(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length || length > Length - offset)
        {
            throw new WeightsException($"{Path} ends after {Length} bytes, before byte {offset} and the {length} that should follow it: fetch it again.");
        }
    }
}
