using System.Net;
using System.Text.Json;
using I2V.Inference.Pipelines;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker;
using I2V.Worker.Gateway;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace I2V.Tests.Worker;

[Collection(nameof(DeviceLostTests))] // the exit code is the process's
public sealed class DeviceLostTests : IDisposable
{
    private static readonly GenerationException Lost = new(GenerationError.DeviceLost, "CUDA device 0 holds the error CUDA_ERROR_ILLEGAL_ADDRESS.");

    private readonly Lifetime lifetime = new();
    private readonly int exitCode = Environment.ExitCode;

    public void Dispose()
    {
        Environment.ExitCode = exitCode;
        lifetime.Dispose();
    }

    [Fact]
    public async Task The_job_is_reported_as_one_to_try_again_before_the_process_stops_with_a_code_of_its_own()
    {
        var stoppedBefore = true;
        var server = new FakeServer(_ =>
        {
            stoppedBefore = lifetime.ApplicationStopping.IsCancellationRequested;
            return FakeServer.Json(new AttemptEnded(JobStatus.Queued, null));
        });

        Assert.Equal(AttemptOutcome.Failed, await Runner(server).ReportAsync(NewJob(), AttemptStop.None, Lost));

        var report = JsonSerializer.Deserialize<FailJob>((await server.NextAsync()).Body, I2VJson.Options)!;
        Assert.True(ErrorCode.IsRetryable(report.Code));
        Assert.Equal("The worker's device failed, so the worker starts again.", report.Message);
        Assert.False(stoppedBefore);
        Assert.True(lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.Equal(WorkerProcess.ExitDeviceLost, Environment.ExitCode);
    }

    [Fact]
    public async Task A_gateway_that_does_not_take_the_report_does_not_keep_the_process()
    {
        var server = new FakeServer(_ => new HttpResponseMessage(HttpStatusCode.Conflict));

        Assert.Equal(AttemptOutcome.Lost, await Runner(server).ReportAsync(NewJob(), AttemptStop.None, Lost));

        Assert.Equal(WorkerProcess.ExitDeviceLost, Environment.ExitCode);
        Assert.True(lifetime.ApplicationStopping.IsCancellationRequested);
    }

    [Theory]
    [InlineData(GenerationError.OutOfDeviceMemory)]
    [InlineData(GenerationError.InferenceFailed)]
    public async Task After_any_other_failure_the_process_lives_on(GenerationError error)
    {
        var server = new FakeServer(_ => FakeServer.Json(new AttemptEnded(JobStatus.Queued, null)));

        await Runner(server).ReportAsync(NewJob(), AttemptStop.None, new GenerationException(error, "It failed."));

        Assert.False(lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.Equal(exitCode, Environment.ExitCode);
    }

    [Fact]
    public void Each_way_to_end_has_a_code_of_its_own() =>
        Assert.Distinct([0, WorkerProcess.ExitUnhealthy, WorkerProcess.ExitDeviceLost, WorkerProcess.ExitConfiguration]);

    private AttemptRunner Runner(FakeServer server)
    {
        var policy = new StopPolicy(lifetime, Options.Create(new WorkerOptions()), TimeProvider.System, NullLogger<StopPolicy>.Instance);
        return new AttemptRunner(render: null!, new GatewayClient(server.Client(), TimeProvider.System), models: null!, policy, NullLogger<AttemptRunner>.Instance);
    }

    private static ClaimedJob NewJob() => new()
    {
        JobId = Guid.CreateVersion7(),
        Attempt = 1,
        LeaseToken = Guid.NewGuid(),
        LeaseSeconds = 30,
        RunTimeoutSeconds = 600,
        Spec = new JobSpec { Model = "motion", Settings = new JobSettings(), Fit = new JobFit() },
        InputUrl = "http://gateway.test/input",
        InputSha256 = new string('0', 64),
    };

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => stopping.Cancel();

        public void Dispose() => stopping.Dispose();
    }
}
