namespace I2V.Inference.Native;

/// <summary>
/// Copies in a stream of their own, so that a copy engine of the device works while its kernels do. They and the stream that
/// all streamed sessions compute in wait for each other's events, without the processor.
/// </summary>
internal sealed unsafe class CudaUploads : IUploads
{
    private readonly CudaDriver driver;
    private readonly CudaStream computing;
    private readonly CudaStream copies;
    private readonly CudaEvent[] copied = new CudaEvent[SlotPages.Slots];
    private readonly CudaEvent[] vacated = new CudaEvent[SlotPages.Slots];
    private readonly List<CudaEvent> marks = [];

    /// <exception cref="CudaException">The driver gives no stream or event.</exception>
    public CudaUploads(CudaDriver driver)
    {
        this.driver = driver;
        computing = driver.ComputeStream;
        copies = new CudaStream(driver);
        try
        {
            for (var slot = 0; slot < SlotPages.Slots; slot++)
            {
                copied[slot] = new CudaEvent(driver);
                vacated[slot] = new CudaEvent(driver);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public bool HoldCopies(int slot) => copies.TryAwait(vacated[slot]);

    public bool Start(int slot, nint device, nint host, long bytes) =>
        driver.TryEnter()
        && ((delegate* unmanaged<ulong, nint, nuint, nint, int>)driver.Export("cuMemcpyHtoDAsync_v2"))((ulong)device, host, (nuint)bytes, copies.Pointer) == 0
        && copied[slot].TryRecord(copies);

    public bool HoldComputing(int slot) => computing.TryAwait(copied[slot]);

    public bool Vacate(int slot) => vacated[slot].TryRecord(computing);

    public bool Finish() => computing.TrySynchronize();

    public int Mark(bool isCopies)
    {
        var mark = new CudaEvent(driver);
        marks.Add(mark);
        mark.TryRecord(isCopies ? copies : computing);
        return marks.Count - 1;
    }

    public double MillisecondsAt(int mark)
    {
        marks[mark].TryWait();
        return marks[mark].MillisecondsSince(marks[0]);
    }

    public void ClearMarks()
    {
        marks.ForEach(mark => mark.Dispose());
        marks.Clear();
    }

    public void Dispose()
    {
        ClearMarks();
        Array.ForEach(copied, moment => moment?.Dispose());
        Array.ForEach(vacated, moment => moment?.Dispose());
        copies.Dispose();
    }
}
