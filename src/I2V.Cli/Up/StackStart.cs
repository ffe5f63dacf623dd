using I2V.Cli.Configuration;
using I2V.Cli.Install;
using I2V.ModelBuilder;

namespace I2V.Cli.Up;

/// <summary>Brings a stack up and says each step. Lives as long as the stack, whose restarts ask the gateway through it.</summary>
internal sealed class StackStart(UpOptions options, DataFolder data, Supervisor supervisor, Steps steps, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan StoragePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(500);

    private GatewayProbe? probe;

    public void Dispose() => probe?.Dispose();

    public async Task RunAsync(int port, CancellationToken ct)
    {
        await SystemPackages.EnsureAsync(SystemPackage.ForServers, options.Install, steps, ct);
        LogTail.Rotate(data.Logs);
        var settings = await StackSettings.LoadAsync(data.SettingsFile, steps, ct);
        var services = new StackServices(options, data, settings, port);
        probe = new GatewayProbe(services.Url, settings.ApiKey, time.GetUtcNow());

        // 1. Both servers and the engine at the same time: none needs another. The gateway needs the database only;
        //    tickets that it cannot send yet wait in its outbox.
        using var together = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var rabbit = StartRabbitMqAsync(settings, together.Token);
        var gateway = StartGatewayAsync(port, services, settings, probe, together.Token);
        var engine = PrepareEngineAsync(together.Token);
        await AllOrFirstErrorAsync(together, rabbit, gateway, engine);

        // 2. Ready means that somebody takes jobs.
        await StartWorkersAsync(services, await rabbit, await engine, probe, ct);
        await ClientFile.WriteAsync(data.ClientFile, services.Url, settings.ApiKey, ct);
        SayReady(services.Url, settings.ApiKey);
    }

    private async Task<string> StartRabbitMqAsync(StackSettings settings, CancellationToken ct)
    {
        var rabbit = await LocalRabbitMq.PrepareAsync(settings.RabbitMq(data.RabbitMq), ct);
        await supervisor.StartAsync(StackServices.NameService(rabbit, data), ct);
        await supervisor.StartAsync(StackServices.RabbitMq(rabbit, data), ct);
        steps.Say($"RabbitMQ is ready on 127.0.0.1:{rabbit.Port}");
        return rabbit.Url;
    }

    private async Task StartGatewayAsync(int port, StackServices services, StackSettings settings, GatewayProbe probe, CancellationToken ct)
    {
        if (!LocalPostgres.HasCluster(data.Postgres))
        {
            steps.Say("making the database (first start)");
        }

        var postgres = await LocalPostgres.PrepareAsync(settings.Postgres(data.Postgres), ct);
        await supervisor.StartAsync(StackServices.Postgres(postgres, data), ct);
        steps.Say($"PostgreSQL is ready on 127.0.0.1:{postgres.Port}");

        // Somebody may have taken it while the database started; without this the gateway would die of it five times.
        FreePorts.ThrowIfTaken(port);
        await supervisor.StartAsync(services.Gateway(postgres.ConnectionString, LocalRabbitMq.UrlOf(settings.RabbitMq(data.RabbitMq)), probe), ct);
        steps.Say($"the gateway answers on {services.Url}");
        if (options.S3 is { } s3)
        {
            await EnsureStorageAsync(s3, probe, ct);
        }
    }

    // The gateway outlives an outage of its storage; a stack that never had it would only refuse every job.
    private async Task EnsureStorageAsync(S3Options s3, GatewayProbe probe, CancellationToken ct)
    {
        var since = time.GetTimestamp();
        while (await probe.StorageTroubleAsync(ct) is { } trouble)
        {
            if (time.GetElapsedTime(since) > StoragePatience)
            {
                throw new CliException($"Films cannot be kept in the bucket {s3.Bucket} at {s3.Endpoint}: {trouble.TrimEnd('.')}. Correct --s3-endpoint, --s3-bucket, --s3-access-key or I2V_S3_SECRET_KEY.");
            }

            await Task.Delay(BetweenLooks, time, ct);
        }

        steps.Say($"films are kept in the bucket {s3.Bucket} at {s3.Endpoint}");
    }

    private async Task<WorkerEngine> PrepareEngineAsync(CancellationToken ct)
    {
        var runtime = await OnnxRuntimeInstaller.ForCheckout(steps).EnsureAsync(options.Gpu, options.Install, ct);
        steps.Say($"ONNX Runtime is in {runtime.Folder}");
        if (options.Gpus.Count > 0 && runtime.GpuProvider != "cuda")
        {
            throw new CliException($"`--gpu` names NVIDIA GPUs, but the ONNX Runtime in {runtime.Folder} is for {runtime.GpuProvider}: leave the names out, or set {OnnxRuntimeInstaller.Variable} to one with CUDA.");
        }

        await Task.Run(() => MotionPackage.Ensure(data.Models), ct);
        steps.Say($"the model {MotionPackage.Name} is in {data.Models}");
        return new WorkerEngine(runtime.Folder, options.Gpu ? runtime.GpuProvider : "cpu");
    }

    private async Task StartWorkersAsync(StackServices services, string busUrl, WorkerEngine engine, GatewayProbe probe, CancellationToken ct)
    {
        await Task.WhenAll(Enumerable.Range(1, options.Workers)
            .Select(number => supervisor.StartAsync(services.Worker(number, busUrl, engine, probe), ct)));
        steps.Say($"the first worker is ready ({engine.Provider}; {options.Workers} started)");
    }

    private void SayReady(string url, string apiKey)
    {
        steps.Line($"""

            Ready after {steps.Elapsed.TotalSeconds:0.0} s. Ctrl+C stops everything.

              Open     {url}/#key={apiKey}
              API key  {apiKey}

            Try:
              ./i2v submit photo.jpg --prompt "slow zoom in" --watch
              curl -H "Authorization: Bearer {apiKey}" -F image=@photo.jpg -F prompt="slow zoom in" {url}/v1/jobs

            """);
    }

    // The first failure ends the others' waiting, so that it is said at once.
    private static async Task AllOrFirstErrorAsync(CancellationTokenSource together, params Task[] tasks)
    {
        var left = tasks.ToList();
        while (left.Count > 0)
        {
            var done = await Task.WhenAny(left);
            left.Remove(done);
            if (!done.IsCompletedSuccessfully)
            {
                await together.CancelAsync();
                await Task.WhenAll(left).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                await done;
            }
        }
    }
}
