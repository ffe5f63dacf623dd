namespace I2V.Gateway.Storage;

/// <summary>Reads a range of a file and owns it.</summary>
internal sealed class PartOfFile : Stream
{
    private readonly FileStream file;
    private long left;

    public PartOfFile(FileStream file, ByteRange range)
    {
        this.file = file;
        file.Position = range.From;
        left = Math.Min(range.To ?? long.MaxValue - 1, file.Length - 1) - range.From + 1;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Take(file.Read(buffer, offset, (int)Math.Min(count, left)));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Take(await file.ReadAsync(buffer[..(int)Math.Min(buffer.Length, left)], cancellationToken));

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Take(int read)
    {
        left -= read;
        return read;
    }
}
