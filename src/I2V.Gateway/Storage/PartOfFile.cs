namespace I2V.Gateway.Storage;

/// <summary>Reads a range of a file and owns it.</summary>
internal sealed class PartOfFile : Stream
{
    private readonly FileStream _file;
    private long _left;

    public PartOfFile(FileStream file, ByteRange range)
    {
        _file = file;
        _file.Position = range.From;
        _left = Math.Min(range.To ?? long.MaxValue - 1, file.Length - 1) - range.From + 1;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Take(_file.Read(buffer, offset, (int)Math.Min(count, _left)));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Take(await _file.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken));

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Take(int read)
    {
        _left -= read;
        return read;
    }
}
