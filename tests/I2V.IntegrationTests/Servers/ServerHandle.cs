using I2V.Cli.Up;

namespace I2V.IntegrationTests.Servers;

/// <summary>One server process that a test can stop, kill and start again.</summary>
internal sealed class ServerHandle(ChildCommand command, Func<CancellationToken, Task<bool>> isReady)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);
    private ChildProcess? process;

    /// <summary>Returns when the server is ready.</summary>
    public async Task StartAsync()
    {
        process = await ChildProcess.StartAsync(command);
        using var patience = new CancellationTokenSource(Patience);
        while (!await isReady(patience.Token))
        {
            if (process.Exited.IsCompleted)
            {
                Assert.Fail($"{command.Name} ended with exit code {await process.Exited} while it started: {await File.ReadAllTextAsync(command.LogFile, patience.Token)}");
            }

            await Task.Delay(BetweenLooks, patience.Token);
        }
    }

    public async Task StopAsync()
    {
        if (process is not null)
        {
            await process.StopAsync();
        }
    }

    public async Task KillAsync()
    {
        if (process is not null)
        {
            process.Signal(ChildSignal.Kill);
            await process.Exited;
        }
    }
}
