using System.Diagnostics;
using I2V.Inference.Native;

namespace I2V.Tests.Inference.Native;

/// <summary>A Loop of so many rounds that it takes minutes on any machine, stopped from another thread.</summary>
public sealed class CancellationTests : IDisposable
{
    private const long Rounds = 50_000_000;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly InferenceSession session = new(TestGraphs.Loop());
    private readonly OrtValue x = TestGraphs.Tensor<float>([0]);

    public void Dispose()
    {
        x.Dispose();
        session.Dispose();
    }

    [Fact]
    public void A_loop_that_is_left_alone_ends_by_itself()
    {
        using var trips = TestGraphs.Scalar(100L);

        Assert.Equal([5050], session.Run<float>(("trips", trips), ("x", x)));
    }

    [Fact]
    public void A_token_stops_a_run_in_progress_and_the_session_stays_usable()
    {
        using var endless = TestGraphs.Scalar(Rounds);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        var clock = Stopwatch.StartNew();

        var error = Assert.ThrowsAny<OperationCanceledException>(() => Start(null, endless, stop.Token));

        Assert.Equal(stop.Token, error.CancellationToken);
        Assert.IsType<OrtException>(error.InnerException); // the library itself was stopped, not kept from starting
        Assert.InRange(clock.Elapsed, TimeSpan.FromMilliseconds(150), Soon);
        using var trips = TestGraphs.Scalar(10L);
        Assert.Equal([55], session.Run<float>(("trips", trips), ("x", x)));
    }

    [Fact]
    public void Options_that_a_token_stopped_can_be_used_again()
    {
        using var options = new RunOptions { RunTag = "stopped" };
        using var endless = TestGraphs.Scalar(Rounds);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        Assert.ThrowsAny<OperationCanceledException>(() => Start(options, endless, stop.Token));

        using var trips = TestGraphs.Scalar(10L);
        using var outputs = Start(options, trips, CancellationToken.None);

        Assert.False(options.Terminate);
        Assert.Equal(55, outputs[0].GetTensorDataAsSpan<float>()[0]);
    }

    [Fact]
    public void A_bound_run_stops_the_same_way()
    {
        using var endless = TestGraphs.Scalar(Rounds);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        using var binding = session.CreateIoBinding();
        binding.BindInput("trips", endless);
        binding.BindInput("x", x);
        binding.BindOutputToDevice("y", OrtMemoryInfo.DefaultInstance);

        Assert.ThrowsAny<OperationCanceledException>(() => session.RunWithBinding(null, binding, stop.Token));
    }

    [Fact]
    public void A_token_that_is_cancelled_already_starts_nothing()
    {
        using var endless = TestGraphs.Scalar(Rounds);

        var error = Assert.ThrowsAny<OperationCanceledException>(() => Start(null, endless, new CancellationToken(canceled: true)));

        Assert.Null(error.InnerException);
    }

    [Fact]
    public void Terminate_without_a_token_is_an_ordinary_error_of_the_library()
    {
        using var options = new RunOptions { Terminate = true };
        using var endless = TestGraphs.Scalar(Rounds);

        Assert.Throws<OrtException>(() => Start(options, endless, CancellationToken.None));

        options.Terminate = false;
        using var trips = TestGraphs.Scalar(1L);
        Start(options, trips, CancellationToken.None).Dispose();
    }

    [Fact]
    public async Task A_session_disposed_during_a_run_is_released_after_it()
    {
        using var endless = TestGraphs.Scalar(Rounds);
        using var options = new RunOptions();
        using var stop = new CancellationTokenSource();
        var started = new TaskCompletionSource();
        var own = new InferenceSession(TestGraphs.Loop());
        var run = Task.Factory.StartNew(
            () =>
            {
                started.SetResult();
                own.Run(options, new Dictionary<string, OrtValue> { ["trips"] = endless, ["x"] = x }, ["y"], stop.Token).Dispose();
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        await started.Task;

        own.Dispose();
        await stop.CancelAsync();

        // Stopped by the token while it ran, or not started because the session was gone first: never a crash.
        var error = await Record.ExceptionAsync(() => run);
        Assert.True(error is OperationCanceledException or ObjectDisposedException, $"{error}");
        Assert.True(own.IsReleased());
    }

    private IDisposableReadOnlyCollection<OrtValue> Start(RunOptions? options, OrtValue trips, CancellationToken ct) =>
        session.Run(options, new Dictionary<string, OrtValue> { ["trips"] = trips, ["x"] = x }, ["y"], ct);
}
