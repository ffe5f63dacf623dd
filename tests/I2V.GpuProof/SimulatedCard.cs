namespace I2V.GpuProof;

/// <summary>A card of so many GB: the device while a neighbour holds the rest of it. On the processor the size is a limit that was set.</summary>
internal sealed class SimulatedCard : IDisposable
{
    private readonly Neighbour? neighbour;
    private readonly Report report;

    /// <param name="gb">Its size, in GB = 2³⁰ bytes.</param>
    /// <param name="provider">Where the job will run.</param>
    /// <param name="report">Is told of the neighbour.</param>
    public SimulatedCard(double gb, string provider, Report report)
    {
        (Gb, Bytes, this.report) = (gb, (long)(gb * (1L << 30)), report);
        neighbour = provider == "cpu" ? null : Neighbour.Start();
        try
        {
            Leave(Bytes);
            Memory = new ProcessMemory(provider, Bytes); // what is in use now is the neighbour's
            Watch = new PeakSampler(Memory);
        }
        catch
        {
            neighbour?.Dispose();
            throw;
        }
    }

    public double Gb { get; }

    public long Bytes { get; }

    public ProcessMemory Memory { get; }

    public PeakSampler Watch { get; }

    /// <summary>Lets the neighbour take all but so many bytes, while this process takes nothing.</summary>
    public void Squeeze(long leaveBytes) => Watch.WhileOthersTake(() => Leave(leaveBytes));

    public void Dispose()
    {
        Watch.Dispose();
        neighbour?.Dispose();
    }

    private void Leave(long bytes)
    {
        if (neighbour is not null)
        {
            var (free, held) = neighbour.Leave(bytes);
            report.Say($"the neighbour holds {Text(held)} and leaves {Text(free)} free");
        }
    }

    public static string Text(long? bytes) => FormattableString.Invariant($"{bytes / 1e9:F2} GB");
}
