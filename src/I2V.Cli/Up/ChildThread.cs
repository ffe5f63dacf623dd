using System.Collections.Concurrent;

namespace I2V.Cli.Up;

/// <summary>
/// The one thread that starts child processes. Linux sends a child its parent-death signal when the <i>thread</i> that
/// forked it ends, not the process; a pool thread that retires would take a healthy server with it.
/// </summary>
internal static class ChildThread
{
    private static readonly BlockingCollection<Action> Work = Start();

    public static Task<T> RunAsync<T>(Func<T> start)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Add(() =>
        {
            try
            {
                done.SetResult(start());
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        });
        return done.Task;
    }

    private static BlockingCollection<Action> Start()
    {
        var work = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in work.GetConsumingEnumerable())
            {
                action();
            }
        })
        { IsBackground = true, Name = "starts children" }.Start();
        return work;
    }
}
