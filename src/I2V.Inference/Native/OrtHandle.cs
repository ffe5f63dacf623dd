using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>A resource of ONNX Runtime. Disposing releases it once no call uses it any more; a finaliser is the safety net.</summary>
public abstract class OrtHandle : SafeHandle
{
    private protected OrtHandle(nint pointer, bool ownsHandle = true)
        : base(invalidHandleValue: 0, ownsHandle) => SetHandle(pointer);

    public override bool IsInvalid => handle == 0;

    /// <summary>Keeps the resource alive for the length of a native call, even when another thread disposes it meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">It is already released.</exception>
    internal Lease Use()
    {
        var added = false;
        DangerousAddRef(ref added);
        return new Lease(this);
    }

    internal readonly ref struct Lease(OrtHandle owner)
    {
        public nint Pointer => owner.handle;

        public void Dispose() => owner.DangerousRelease();
    }
}

/// <summary>Keeps several handles alive for one call; <see cref="Pointers"/> is in the order given.</summary>
internal sealed class OrtHandleLeases : IDisposable
{
    private readonly List<OrtHandle> held = [];

    public OrtHandleLeases(IEnumerable<OrtHandle> handles)
    {
        try
        {
            foreach (var handle in handles)
            {
                var added = false;
                handle.DangerousAddRef(ref added);
                held.Add(handle);
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        Pointers = [.. held.Select(handle => handle.DangerousGetHandle())];
    }

    public nint[] Pointers { get; } = [];

    public void Dispose()
    {
        foreach (var handle in held)
        {
            handle.DangerousRelease();
        }

        held.Clear();
    }
}
