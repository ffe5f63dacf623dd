using System.Text.Json;

namespace I2V.IntegrationTests.Jobs;

public sealed class OpenApiTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    [Fact]
    public async Task The_document_lists_every_route_with_its_body_errors_and_headers()
    {
        using var client = api.Gateway.NewClient(key: null);
        using var document = JsonDocument.Parse(await client.GetStringAsync("/openapi.json", TestContext.Current.CancellationToken));
        var root = document.RootElement;
        var paths = root.GetProperty("paths");

        Assert.StartsWith("3.1", root.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.Equal("bearer", root.GetProperty("components").GetProperty("securitySchemes").GetProperty("ApiKey").GetProperty("scheme").GetString());
        foreach (var (path, method) in new[]
        {
            ("/v1/jobs", "post"), ("/v1/jobs", "get"), ("/v1/jobs/{id}", "get"), ("/v1/jobs/{id}", "delete"), ("/v1/jobs/{id}/cancel", "post"),
            ("/v1/jobs/{id}/events", "get"), ("/v1/jobs/{id}/attempts", "get"), ("/v1/jobs:estimate", "post"), ("/v1/jobs/{id}/content", "get"), ("/v1/models", "get"), ("/v1/models/{id}", "get"),
            ("/v1/jobs/{id}", "patch"), ("/v1/jobs/{id}/retry", "post"), ("/v1/jobs/{id}/finalize", "post"), ("/v1/queues", "get"),
            ("/v1/queues/{lane}/pause", "post"), ("/v1/queues/{lane}/resume", "post"), ("/v1/workers/{id}/drain", "post"), ("/v1/workers/{id}/resume", "post"),
            ("/v1/workers", "get"), ("/health/ready", "get"),
            ("/v1/webhook-endpoints", "post"), ("/v1/webhook-endpoints", "get"), ("/v1/webhook-endpoints/{id}", "get"), ("/v1/webhook-endpoints/{id}", "patch"),
            ("/v1/webhook-endpoints/{id}", "delete"), ("/v1/webhook-endpoints/{id}/rotate", "post"), ("/v1/webhook-deliveries", "get"),
            ("/v1/webhook-deliveries/{id}/redeliver", "post"),
        })
        {
            Assert.True(paths.TryGetProperty(path, out var item) && item.TryGetProperty(method, out _), $"{method} {path} is missing");
        }

        var submit = paths.GetProperty("/v1/jobs").GetProperty("post");
        var content = submit.GetProperty("requestBody").GetProperty("content");
        Assert.True(content.GetProperty("multipart/form-data").GetProperty("schema").GetProperty("properties").TryGetProperty("image", out _));
        Assert.True(content.GetProperty("application/json").GetProperty("schema").GetProperty("properties").TryGetProperty("input", out _));
        Assert.Equal(
            ["Cancel-After", "Idempotency-Key", "Prefer", "X-Start-Timeout"],
            submit.GetProperty("parameters").EnumerateArray().Select(parameter => parameter.GetProperty("name").GetString()!).Order(StringComparer.Ordinal));
        foreach (var status in new[] { "400", "401", "403", "413", "415", "422", "429", "503" })
        {
            Assert.True(submit.GetProperty("responses").GetProperty(status).GetProperty("content").TryGetProperty("application/problem+json", out _), status);
        }

        var patch = paths.GetProperty("/v1/jobs/{id}").GetProperty("patch");
        Assert.True(patch.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out _));
        Assert.True(patch.GetProperty("responses").GetProperty("409").GetProperty("content").TryGetProperty("application/problem+json", out _));
        Assert.Contains(
            "Idempotency-Key",
            paths.GetProperty("/v1/jobs/{id}/retry").GetProperty("post").GetProperty("parameters").EnumerateArray().Select(parameter => parameter.GetProperty("name").GetString()));
        Assert.True(submit.GetProperty("responses").GetProperty("202").GetProperty("headers").TryGetProperty("Location", out _));
        Assert.True(submit.TryGetProperty("security", out _));
        Assert.True(root.GetProperty("components").GetProperty("schemas").GetProperty("JobObject").GetProperty("properties").TryGetProperty("status_reason", out _));
    }
}
