using System.Runtime.InteropServices;

namespace I2V.Cli.Configuration;

/// <summary>
/// Turns the first Ctrl+C, SIGTERM or SIGHUP into a cancellation. A second Ctrl+C ends the process at once; the kernel
/// then ends its children, since they are started to die with it.
/// </summary>
internal sealed class Interruption : IDisposable
{
    // Programs such as `timeout` send a signal to the process and to its group, which is one wish and not two.
    private static readonly TimeSpan SameWish = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private long first;

    public Interruption()
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!source.IsCancellationRequested)
        {
            first = TimeProvider.System.GetTimestamp();
            source.Cancel();
        }
        else if (context.Signal == PosixSignal.SIGINT && TimeProvider.System.GetElapsedTime(first) > SameWish)
        {
            Environment.Exit(ExitCode.Interrupted);
        }
    }
}
