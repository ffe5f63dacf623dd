using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>A queue of work for a device, which does not wait for the default queue's.</summary>
internal sealed unsafe class CudaStream : SafeHandle
{
    private const uint NonBlocking = 1;

    private readonly CudaDriver driver;

    /// <exception cref="CudaException">The driver gives none.</exception>
    public CudaStream(CudaDriver driver)
        : base(invalidHandleValue: 0, ownsHandle: true)
    {
        this.driver = driver;
        driver.TryEnter();
        nint stream;
        driver.Check(((delegate* unmanaged<nint*, uint, int>)driver.Export("cuStreamCreate"))(&stream, NonBlocking), "cuStreamCreate");
        SetHandle(stream);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The driver's <c>CUstream</c>, valid while this object is.</summary>
    public nint Pointer => handle;

    /// <summary>What is asked from now on waits, on the device, for a moment as it was last recorded; for nothing when it never was. False when the driver refuses.</summary>
    public bool TryAwait(CudaEvent moment) =>
        driver.TryEnter() && ((delegate* unmanaged<nint, nint, uint, int>)driver.Export("cuStreamWaitEvent"))(handle, moment.Pointer, 0) == 0;

    /// <summary>Waits until the stream has done all that it was asked to. False when the device reports an error.</summary>
    public bool TrySynchronize() => driver.TryEnter() && ((delegate* unmanaged<nint, int>)driver.Export("cuStreamSynchronize"))(handle) == 0;

    protected override bool ReleaseHandle()
    {
        driver.TryEnter();
        return ((delegate* unmanaged<nint, int>)driver.Export("cuStreamDestroy_v2"))(handle) == 0;
    }
}

/// <summary>A moment in a stream. Whoever waits for it sleeps, since other threads want the core.</summary>
internal sealed unsafe class CudaEvent : SafeHandle
{
    private const uint BlockingSync = 1;

    private readonly CudaDriver driver;

    /// <exception cref="CudaException">The driver gives none.</exception>
    public CudaEvent(CudaDriver driver)
        : base(invalidHandleValue: 0, ownsHandle: true)
    {
        this.driver = driver;
        driver.TryEnter();
        nint moment;
        driver.Check(((delegate* unmanaged<nint*, uint, int>)driver.Export("cuEventCreate"))(&moment, BlockingSync), "cuEventCreate");
        SetHandle(moment);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The driver's <c>CUevent</c>, valid while this object is.</summary>
    public nint Pointer => handle;

    /// <summary>Becomes the moment when the stream has done all that it was asked to so far. False when the driver refuses.</summary>
    public bool TryRecord(CudaStream stream) =>
        driver.TryEnter() && ((delegate* unmanaged<nint, nint, int>)driver.Export("cuEventRecord"))(handle, stream.Pointer) == 0;

    /// <summary>Waits for the moment. False when the device reports an error.</summary>
    public bool TryWait() => driver.TryEnter() && ((delegate* unmanaged<nint, int>)driver.Export("cuEventSynchronize"))(handle) == 0;

    /// <exception cref="CudaException">One of both was never recorded, or the device is lost.</exception>
    public double MillisecondsSince(CudaEvent earlier)
    {
        float milliseconds;
        driver.TryEnter();
        driver.Check(((delegate* unmanaged<float*, nint, nint, int>)driver.Export("cuEventElapsedTime"))(&milliseconds, earlier.handle, handle), "cuEventElapsedTime");
        return milliseconds;
    }

    protected override bool ReleaseHandle()
    {
        driver.TryEnter();
        return ((delegate* unmanaged<nint, int>)driver.Export("cuEventDestroy_v2"))(handle) == 0;
    }
}
