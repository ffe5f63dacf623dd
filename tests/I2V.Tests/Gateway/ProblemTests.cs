using System.Text.Json;
using I2V.Gateway.Console;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs;
using I2V.Gateway.Storage;
using I2V.Media;
using I2V.Protocol;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace I2V.Tests.Gateway;

public sealed class ProblemTests
{
    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task Problems_that_pass_say_when_to_come_back(int status)
    {
        var http = await WriteAsync(Problems.ForStatus(status));

        Assert.Equal("2", http.Response.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_problem_carries_code_status_instance_and_request_id()
    {
        var http = await WriteAsync(Problems.Conflict("It runs."));

        Assert.Equal((409, "application/problem+json"), (http.Response.StatusCode, http.Response.ContentType));
        http.Response.Body.Position = 0;
        var problem = await JsonSerializer.DeserializeAsync<Problem>(http.Response.Body, I2VJson.Options, TestContext.Current.CancellationToken);
        Assert.Equal(("conflict", "It runs.", "/v1/jobs/x", "req_1", false), (problem!.Code, problem.Detail, problem.Instance, problem.RequestId, problem.Retryable));
    }

    [Theory]
    [InlineData(404, ErrorCode.NotFound)]
    [InlineData(405, ErrorCode.InvalidInput)]
    [InlineData(413, ErrorCode.PayloadTooLarge)]
    [InlineData(415, ErrorCode.InvalidInput)]
    [InlineData(500, ErrorCode.Internal)]
    public void A_status_of_the_framework_has_a_code_too(int status, string code)
    {
        var problem = Problems.ForStatus(status);

        Assert.Equal((status, code), (problem.StatusCode, problem.Code));
    }

    [Fact]
    public void One_kind_of_error_gives_its_code_and_several_give_invalid_input()
    {
        var frame = new ProblemItem("/input/num_frames", ErrorCode.FrameRule, "a");
        var other = new ProblemItem("/input/fps", ErrorCode.InvalidInput, "b");

        Assert.Equal(ErrorCode.FrameRule, Problems.Invalid([frame]).Code);
        Assert.Equal(ErrorCode.InvalidInput, Problems.Invalid([frame, other]).Code);
    }

    [Fact]
    public void Exceptions_become_what_the_caller_can_do_something_about()
    {
        Assert.Equal(ErrorCode.ImageUnreadable, ExceptionToProblem.Classify(new MediaException(MediaError.ImageUnreadable, "no")).Code);
        Assert.Equal(ErrorCode.ImageTooLarge, ExceptionToProblem.Classify(new MediaException(MediaError.ImageTooLarge, "no")).Code);
        Assert.Equal(503, ExceptionToProblem.Classify(new MediaException(MediaError.ToolMissing, "no")).StatusCode);
        Assert.Equal(503, ExceptionToProblem.Classify(StorageException.Unavailable("down")).StatusCode);
        Assert.Equal(503, ExceptionToProblem.Classify(new NpgsqlException("down")).StatusCode);
        var unknown = ExceptionToProblem.Classify(new InvalidOperationException("secret /etc/path"));
        Assert.Equal(500, unknown.StatusCode);
        Assert.DoesNotContain("secret", unknown.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cursor_reads_back_and_anything_else_does_not()
    {
        var id = Guid.CreateVersion7(DateTimeOffset.UnixEpoch);
        var cursor = JobCursor.Write(id);

        Assert.True(JobCursor.TryRead(cursor, out var back));
        Assert.Equal(id, back);
        Assert.All(["", "x", cursor + "A", cursor[1..], "!" + cursor[1..], "Ag" + cursor[2..]], text => Assert.False(JobCursor.TryRead(text, out _)));
    }

    [Theory]
    [InlineData(0, 2, 1, 0)]
    [InlineData(0, 1, 1, 5)]
    [InlineData(1, 1, 1, 15)]
    [InlineData(4, 2, 2, 25)]
    [InlineData(1, 2, 0, 0)]
    public void The_wait_is_counted_in_rounds_of_the_fleet(long ahead, long workers, long running, double eta) =>
        Assert.Equal(eta, QueueInfos.Eta(ahead, workers, running, seconds: 10));

    [Fact]
    public void The_page_may_load_films_from_the_store_and_nothing_else_from_outside()
    {
        var s3 = new StorageOptions { Kind = StorageKind.S3 };
        s3.S3.Endpoint = "http://minio:9000";
        s3.S3.PublicEndpoint = "https://films.example.org/";

        var policy = ConsoleExtensions.Policy(s3);

        Assert.Contains("media-src 'self' blob: data: https://films.example.org;", policy, StringComparison.Ordinal);
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("minio", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", ConsoleExtensions.Policy(new StorageOptions()), StringComparison.Ordinal);
    }

    private static async Task<DefaultHttpContext> WriteAsync(ProblemResult problem)
    {
        var http = new DefaultHttpContext { TraceIdentifier = "req_1" };
        http.Request.Path = "/v1/jobs/x";
        http.Response.Body = new MemoryStream();
        await problem.ExecuteAsync(http);
        return http;
    }
}
