namespace I2V.Inference.Native;

/// <summary>Copies in a stream of their own, so that a copy engine of the device works while its kernels do.</summary>
internal sealed unsafe class CudaUploads : IUploads
{
    private readonly CudaDriver driver;
    private readonly CudaStream copies;
    private readonly CudaEvent[] done = new CudaEvent[SlotPages.Slots];
    private readonly List<CudaEvent> marks = [];

    /// <summary>Always empty, so that a mark in it is reached as soon as it is made.</summary>
    private CudaStream? idle;

    /// <exception cref="CudaException">The driver gives no stream or event.</exception>
    public CudaUploads(CudaDriver driver)
    {
        this.driver = driver;
        copies = new CudaStream(driver);
        try
        {
            for (var slot = 0; slot < done.Length; slot++)
            {
                done[slot] = new CudaEvent(driver);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public bool Start(int slot, nint device, nint host, long bytes) =>
        driver.TryEnter()
        && ((delegate* unmanaged<ulong, nint, nuint, nint, int>)driver.Export("cuMemcpyHtoDAsync_v2"))((ulong)device, host, (nuint)bytes, copies.Pointer) == 0
        && done[slot].TryRecord(copies);

    public bool Wait(int slot) => done[slot].TryWait();

    public int Mark(bool behindCopies)
    {
        var mark = new CudaEvent(driver);
        marks.Add(mark);
        mark.TryRecord(behindCopies ? copies : idle ??= new CudaStream(driver));
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
        Array.ForEach(done, moment => moment?.Dispose());
        idle?.Dispose();
        copies.Dispose();
    }
}
