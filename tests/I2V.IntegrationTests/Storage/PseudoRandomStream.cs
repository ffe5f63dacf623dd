using System.Buffers.Binary;
using System.Security.Cryptography;

namespace I2V.IntegrationTests.Storage;

/// <summary>A large body that never exists as a whole: read once, hashed while it is read.</summary>
internal sealed class PseudoRandomStream(long length, ulong seed) : Stream
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private ulong state = seed;
    private long position;
    private string? sha256;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get => position; set => throw new NotSupportedException(); }

    /// <summary>Of the whole body, once it was read. Lower-case hexadecimal.</summary>
    public string Sha256() => sha256 ?? throw new InvalidOperationException("The body was not read to its end.");

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var taken = buffer[..(int)Math.Min(buffer.Length, length - position)];
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        for (var at = 0; at < taken.Length; at += word.Length)
        {
            state = state * 6364136223846793005 + 1442695040888963407;
            BinaryPrimitives.WriteUInt64LittleEndian(word, state);
            word[..Math.Min(word.Length, taken.Length - at)].CopyTo(taken[at..]);
        }

        hash.AppendData(taken);
        position += taken.Length;
        if (taken.Length == 0)
        {
            sha256 ??= Convert.ToHexStringLower(hash.GetHashAndReset());
        }

        return taken.Length;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        hash.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>Samples this process's memory in use while something large goes through it.</summary>
internal sealed class MemoryWatch : IDisposable
{
    private readonly long start = Environment.WorkingSet;
    private readonly Timer timer;
    private long peak;

    public MemoryWatch() => timer = new Timer(_ => Sample(), state: null, TimeSpan.Zero, TimeSpan.FromMilliseconds(50));

    /// <summary>Bytes above the start.</summary>
    public long PeakGrowth()
    {
        Sample();
        return Math.Max(0, Interlocked.Read(ref peak) - start);
    }

    public void Dispose() => timer.Dispose();

    private void Sample()
    {
        var now = Environment.WorkingSet;
        var seen = Interlocked.Read(ref peak);
        while (now > seen && Interlocked.CompareExchange(ref peak, now, seen) is var previous && previous != seen)
        {
            seen = previous;
        }
    }
}
