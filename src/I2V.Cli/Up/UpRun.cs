using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>One run of <c>i2v up</c>, from nothing to a worker that takes jobs, and back.</summary>
internal sealed class UpRun(UpOptions options, Steps steps, TimeProvider time)
{
    public async Task<int> RunAsync(CancellationToken ct)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new CliException("`i2v up` runs on Linux; elsewhere use `docker compose up`, or `i2v render` for one film without servers.");
        }

        await Task.Run(() => ServedModels.Check(options, steps), ct);
        var data = new DataFolder(options.Data);
        await ServerAccount.EnsureServersCanEnterAsync(data.Root, ct);
        data.Create();
        using var held = data.Lock();
        await using var supervisor = new Supervisor(steps, time);
        using var start = new StackStart(options, data, supervisor, steps, time);
        try
        {
            await start.RunAsync(ChoosePort(), ct);
            throw new CliException(await supervisor.GivenUp.WaitAsync(ct));
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return ExitCode.Ok;
        }
        finally
        {
            await StopAsync(supervisor);
        }
    }

    private int ChoosePort()
    {
        if (options.Port is { } asked)
        {
            FreePorts.ThrowIfTaken(asked);
            return asked;
        }

        var port = Enumerable.Range(UpOptions.DefaultPort, 100).FirstOrDefault(FreePorts.IsFree);
        if (port == 0)
        {
            throw new CliException($"Port {UpOptions.DefaultPort} on 127.0.0.1 and the 99 above it are taken: choose another with `--port`.");
        }

        if (port != UpOptions.DefaultPort)
        {
            steps.Say($"port {UpOptions.DefaultPort} is taken by another program; the gateway takes {port}");
        }

        return port;
    }

    private async Task StopAsync(Supervisor supervisor)
    {
        if (!supervisor.HasServices)
        {
            return;
        }

        steps.Say("stopping");
        var before = steps.Elapsed;
        await supervisor.StopAsync(StackServices.StopOrder);
        steps.Say($"stopped in {(steps.Elapsed - before).TotalSeconds:0.0} s");
    }
}
