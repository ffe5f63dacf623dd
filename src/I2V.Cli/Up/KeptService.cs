namespace I2V.Cli.Up;

/// <summary>What the supervisor knows about one service.</summary>
internal sealed class KeptService(Service service)
{
    public Service Service => service;

    public TaskCompletionSource Ready { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Held while a process is started or stopped.</summary>
    public SemaphoreSlim Starting { get; } = new(1, 1);

    public ChildProcess? Process { get; set; }

    public Task Loop { get; set; } = Task.CompletedTask;
}
