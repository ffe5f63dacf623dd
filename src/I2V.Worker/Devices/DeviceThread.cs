using System.Collections.Concurrent;

namespace I2V.Worker.Devices;

/// <summary>
/// The only thread that touches pipelines. A run of minutes never occupies a pool thread, so heartbeats and uploads keep
/// their pace, and one device never sees two runs.
/// </summary>
internal sealed class DeviceThread : IDisposable
{
    private readonly BlockingCollection<Action> work = [];
    private readonly Thread thread;

    public DeviceThread()
    {
        thread = new Thread(Run) { IsBackground = true, Name = "device" };
        thread.Start();
    }

    public Task RunAsync(Action action) => RunAsync(() =>
    {
        action();
        return true;
    });

    public Task<T> RunAsync<T>(Func<T> action)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(() =>
        {
            try
            {
                done.SetResult(action());
            }
            catch (OperationCanceledException error)
            {
                done.SetCanceled(error.CancellationToken);
            }
#pragma warning disable CA1031 // Whatever a run throws belongs to who asked for it; the thread lives on.
            catch (Exception error)
#pragma warning restore CA1031
            {
                done.SetException(error);
            }
        });
        return done.Task;
    }

    public void Dispose()
    {
        work.CompleteAdding();
        thread.Join();
        work.Dispose();
    }

    private void Run()
    {
        foreach (var action in work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
