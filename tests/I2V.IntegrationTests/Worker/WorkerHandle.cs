using I2V.Cli.Up;

namespace I2V.IntegrationTests.Worker;

/// <summary>One worker process.</summary>
/// <param name="Name">As the gateway shows it.</param>
internal sealed record WorkerHandle(string Name, string LogFile, ChildProcess Process)
{
    private const ChildSignal Freeze = (ChildSignal)19;
    private const ChildSignal Thaw = (ChildSignal)18;

    public bool IsAlive => !Process.Exited.IsCompleted;

    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    /// <exception cref="InvalidOperationException">The process ended without saying it; the message is its log.</exception>
    public Task WaitForLogAsync(string text) => Wait.UntilAsync(() => HasSaid(text), () => $"\"{text}\" never appeared in the worker's log: {Log}");

    public async Task KillAsync()
    {
        Process.Signal(ChildSignal.Kill);
        await Process.Exited;
    }

    public Task<bool> StopAsync() => Process.StopAsync();

    public void Stall() => Process.Signal(Freeze);

    public void GoOn() => Process.Signal(Thaw);

    private bool HasSaid(string text)
    {
        var ended = !IsAlive;
        return Log.Contains(text, StringComparison.Ordinal) || (ended ? throw new InvalidOperationException(Log) : false);
    }
}
