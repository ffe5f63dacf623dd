namespace I2V.Media.Tools;

/// <summary>What the kernel refuses a child process, through <c>prlimit</c> where it is installed.</summary>
internal sealed record ToolLimits
{
    /// <summary>Bytes of address space. 2 GiB: a 33-megapixel, 16-bit RGBA picture takes 0.6 GB.</summary>
    public long AddressSpace { get; init; } = 2L << 30;

    /// <summary>Seconds of processor time; null for as long as the wall clock allows.</summary>
    public int? CpuSeconds { get; init; }

    /// <summary>Bytes that a file may grow to. 0: the tool writes to its pipe only.</summary>
    public long FileSize { get; init; }

    /// <summary>Open files. The tools need about ten.</summary>
    public int OpenFiles { get; init; } = 32;

    public IEnumerable<string> ToArguments()
    {
        yield return FormattableString.Invariant($"--as={AddressSpace}");
        yield return FormattableString.Invariant($"--fsize={FileSize}");
        yield return FormattableString.Invariant($"--nofile={OpenFiles}");
        yield return "--core=0";
        if (CpuSeconds is { } seconds)
        {
            yield return FormattableString.Invariant($"--cpu={seconds}");
        }
    }
}
