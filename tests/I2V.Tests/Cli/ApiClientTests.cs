using System.Net;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Tests.Inference;
using I2V.Tests.Worker;

namespace I2V.Tests.Cli;

public sealed class ApiClientTests : IDisposable
{
    private readonly ManualTimeProvider time = new();
    private readonly TemporaryFolder folder = new();
    private readonly List<string> notices = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_submit_is_repeated_with_the_same_key_until_it_is_heard()
    {
        var calls = 0;
        var server = new FakeServer(_ => ++calls switch
        {
            1 => throw new HttpRequestException("connection reset"),
            2 => new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { Headers = { { "Retry-After", "7" } } },
            _ => FakeServer.Json(JobSamples.Job(), HttpStatusCode.Accepted),
        });
        using var api = new ApiClient(server.Client(), time);
        var submitting = api.SubmitAsync(NewForm().Build, "key-1", notices.Add, TestContext.Current.CancellationToken);

        var first = await server.NextAsync();
        await time.TimerSetAsync(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(1));
        var second = await server.NextAsync();
        await time.TimerSetAsync(TimeSpan.FromSeconds(7));
        time.Advance(TimeSpan.FromSeconds(7));
        var third = await server.NextAsync();

        Assert.Equal(JobSamples.Id, (await submitting).Id);
        Assert.All([first, second, third], request => Assert.Equal("key-1", request.Header("Idempotency-Key")));
        Assert.All([first, second, third], request => Assert.Contains("the photo's bytes", request.Body, StringComparison.Ordinal));
        Assert.Equal(2, notices.Count);
    }

    [Fact]
    public async Task After_three_repeats_one_sentence_says_what_to_start()
    {
        var server = new FakeServer(_ => throw new HttpRequestException("connection refused"));
        using var api = new ApiClient(server.Client(), time);
        var submitting = api.SubmitAsync(NewForm().Build, "key-1", notices.Add, TestContext.Current.CancellationToken);
        foreach (var pause in (int[])[1, 2, 4])
        {
            await server.NextAsync();
            await time.TimerSetAsync(TimeSpan.FromSeconds(pause));
            time.Advance(TimeSpan.FromSeconds(pause));
        }

        var error = await Assert.ThrowsAsync<ApiException>(() => submitting);
        Assert.Equal("Nothing answers at http://gateway.test/; start it with ./i2v up, or name another gateway with --url.", error.Message);
        Assert.Equal(ExitCode.Failure, error.ExitCode);
    }

    [Theory]
    [InlineData(HttpStatusCode.BadRequest, ExitCode.Usage)]
    [InlineData(HttpStatusCode.RequestEntityTooLarge, ExitCode.Usage)]
    [InlineData(HttpStatusCode.UnprocessableEntity, ExitCode.Usage)]
    [InlineData(HttpStatusCode.Unauthorized, ExitCode.Unauthorized)]
    [InlineData(HttpStatusCode.Forbidden, ExitCode.Unauthorized)]
    [InlineData(HttpStatusCode.NotFound, ExitCode.NotFound)]
    [InlineData(HttpStatusCode.InternalServerError, ExitCode.Failure)]
    public async Task A_refusal_keeps_the_gateways_words_and_gets_its_exit_code(HttpStatusCode status, int exitCode)
    {
        var problem = new Problem
        {
            Title = "Invalid",
            Status = (int)status,
            Code = ErrorCode.InvalidInput,
            Retryable = false,
            Detail = "The request is wrong.",
            Errors = [new ProblemItem("/input/num_frames", ErrorCode.InvalidInput, "Is 65; must be 1 to 64.")],
        };
        using var api = new ApiClient(new FakeServer(_ => FakeServer.Json(problem, status)).Client(), time);
        var error = await Assert.ThrowsAsync<ApiException>(() => api.GetJobAsync(JobSamples.Id, TestContext.Current.CancellationToken));
        Assert.Equal(["The request is wrong.", "  /input/num_frames: Is 65; must be 1 to 64."], error.Message.Split(Environment.NewLine));
        Assert.Equal(exitCode, error.ToCliException().ExitCode);
    }

    [Fact]
    public async Task A_page_that_is_no_gateway_is_called_so()
    {
        using var api = new ApiClient(new FakeServer(_ => new HttpResponseMessage { Content = new StringContent("<html>") }).Client(), time);
        var error = await Assert.ThrowsAsync<ApiException>(() => api.GetJobAsync(JobSamples.Id, TestContext.Current.CancellationToken));
        Assert.Contains("is not an I2V gateway", error.Message, StringComparison.Ordinal);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public void A_form_carries_what_was_given_and_nothing_else()
    {
        var settings = new JobSettings { Prompt = "zoom", NumFrames = 8, MotionAmount = 0.25, Seed = 9007199254740991 };
        var form = new SubmitForm(new FileInfo("x.jpg"), settings, "motion", Priority: -3);
        Assert.Equal(
            [("prompt", "zoom"), ("num_frames", "8"), ("seed", "9007199254740991"), ("motion_amount", "0.25"), ("model", "motion"), ("priority", "-3")],
            form.Fields());
    }

    [Fact]
    public void What_may_be_done_to_fit_a_card_is_a_part_of_its_own()
    {
        var form = new SubmitForm(new FileInfo("x.jpg"), new JobSettings(), Model: null, Priority: null)
        {
            Fit = new JobFit { Policy = FitPolicy.Wait, MinFrames = 8 },
        };

        Assert.Equal([("request", """{"fit":{"policy":"wait","min_frames":8}}""")], form.Fields());
    }

    private SubmitForm NewForm()
    {
        var photo = folder.File("photo.jpg");
        File.WriteAllText(photo, "the photo's bytes");
        return new SubmitForm(new FileInfo(photo), new JobSettings { Prompt = "zoom" }, Model: null, Priority: null);
    }
}
