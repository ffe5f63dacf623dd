using I2V.Protocol.Workers;

namespace I2V.Worker.Registration;

/// <summary>Who the gateway thinks this process is; empty until it is registered, and again when the gateway forgot it.</summary>
internal sealed class WorkerIdentity
{
    private readonly Lock sync = new();
    private TaskCompletionSource<WorkerRegistered> current = New();
    private TaskCompletionSource forgotten = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WorkerRegistered? registered;

    public WorkerRegistered? Current
    {
        get
        {
            lock (sync)
            {
                return registered;
            }
        }
    }

    /// <summary>Completes when the worker is registered.</summary>
    public Task<WorkerRegistered> WaitAsync(CancellationToken ct)
    {
        lock (sync)
        {
            return current.Task.WaitAsync(ct);
        }
    }

    public void Set(WorkerRegistered identity)
    {
        lock (sync)
        {
            registered = identity;
            current.TrySetResult(identity);
        }
    }

    /// <summary>The gateway does not know this id; a newer registration stays.</summary>
    public void Forget(Guid workerId)
    {
        lock (sync)
        {
            if (registered?.WorkerId == workerId)
            {
                registered = null;
                current = New();
                forgotten.TrySetResult();
            }
        }
    }

    /// <summary>Completes when the gateway forgot the worker, so that registering again does not wait for the next heartbeat.</summary>
    public Task WaitForgottenAsync(CancellationToken ct)
    {
        lock (sync)
        {
            if (forgotten.Task.IsCompleted)
            {
                forgotten = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            return registered is null ? Task.CompletedTask : forgotten.Task.WaitAsync(ct);
        }
    }

    private static TaskCompletionSource<WorkerRegistered> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
