using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using I2V.Gateway.Access;
using I2V.Protocol;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace I2V.IntegrationTests.Scheduling;

/// <summary>Who may come in, and whether the gateway is ready for them.</summary>
public sealed class AccessTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_bad_key_gets_the_same_401()
    {
        var gateway = await SharedGateway.GetAsync();
        var revoked = await gateway.AddKeyAsync("default", Scopes.JobsRead);
        var expired = await gateway.AddKeyAsync("default", Scopes.JobsRead);
        await gateway.ScalarAsync<Guid>("update api_keys set revoked_at = now() where prefix = $1 returning id", revoked[9..17]);
        await gateway.ScalarAsync<Guid>("update api_keys set expires_at = now() where prefix = $1 returning id", expired[9..17]);
        string?[] bad =
        [
            null,
            "",
            "secret",
            "i2v_live_NOSUCHKY_" + new string('x', 43),
            gateway.ApiKey[..^1] + "x",
            revoked,
            expired,
        ];

        var bodies = new List<string>();
        foreach (var key in bad)
        {
            using var client = gateway.NewClient(key: null);
            if (key is not null)
            {
                client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", "Bearer " + key);
            }

            var answer = await client.GetAsync("/v1/workers", Ct);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
            var problem = (await answer.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, Ct))!;
            Assert.Equal(ErrorCode.Unauthorized, problem.Code);
            bodies.Add(JsonSerializer.Serialize(problem with { RequestId = null }));
        }

        Assert.Single(bodies.Distinct());
    }

    [Fact]
    public async Task A_key_opens_what_its_scopes_say_and_nothing_else()
    {
        var gateway = await SharedGateway.GetAsync();
        using var user = gateway.NewClient(gateway.ApiKey);
        using var worker = gateway.NewClient(gateway.WorkerKey);

        Assert.Equal(HttpStatusCode.OK, (await user.GetAsync("/v1/workers", Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await worker.GetAsync("/v1/workers", Ct)).StatusCode);
        var forbidden = await user.PostAsync("/worker/v1/claims", JsonContent.Create(new { worker_id = Guid.NewGuid() }), Ct);
        Assert.Equal(HttpStatusCode.Forbidden, forbidden.StatusCode);
        Assert.Equal(ErrorCode.Forbidden, (await forbidden.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, Ct))!.Code);
    }

    [Fact]
    public async Task A_key_may_come_in_its_own_header()
    {
        var gateway = await SharedGateway.GetAsync();
        using var client = gateway.NewClient(key: null);
        client.DefaultRequestHeaders.Add("X-API-Key", gateway.ApiKey);

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/v1/workers", Ct)).StatusCode);
    }

    [Fact]
    public async Task Only_a_hash_of_a_key_is_stored_and_its_use_is_noted()
    {
        var gateway = await SharedGateway.GetAsync();
        var key = await gateway.AddKeyAsync("default", Scopes.JobsRead);
        using var client = gateway.NewClient(key);
        (await client.GetAsync("/v1/workers", Ct)).EnsureSuccessStatusCode();

        var row = await gateway.ScalarAsync<string>("select to_jsonb(k)::text from api_keys k where prefix = $1", key[9..17]);

        Assert.DoesNotContain(key[18..], row, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(key))), row, StringComparison.Ordinal);
        Assert.NotEqual(JsonValueKind.Null, JsonDocument.Parse(row).RootElement.GetProperty("last_used_at").ValueKind);
    }

    [Fact]
    public async Task No_keys_of_the_framework_are_written_to_the_users_home()
    {
        var gateway = await SharedGateway.GetAsync();

        Assert.Null(gateway.Services.GetService<IDataProtectionProvider>());
    }

    [Fact]
    public async Task Every_route_asks_for_a_key_unless_it_is_meant_for_everybody()
    {
        string[] open = ["/health/", "/storage/", "/openapi"];
        var gateway = await SharedGateway.GetAsync();

        var routes = gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().ToList();
        var unguarded = routes
            .Where(route => route.Metadata.GetMetadata<IAuthorizeData>() is null || route.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            .Select(route => "/" + route.RoutePattern.RawText!.TrimStart('/'))
            .Where(pattern => !Array.Exists(open, prefix => pattern.StartsWith(prefix, StringComparison.Ordinal)));

        Assert.Contains(routes, route => route.RoutePattern.RawText!.Contains("/worker/v1/claims", StringComparison.Ordinal));
        Assert.Empty(unguarded);
    }

    [Fact]
    public async Task Readiness_lists_its_checks_and_the_broker_decides_nothing()
    {
        var gateway = await SharedGateway.GetAsync();
        using var worker = gateway.NewClient(gateway.WorkerKey);
        await SharedGateway.RegisterAsync(worker, $"model-{Guid.NewGuid():N}");
        using var anybody = gateway.NewClient(key: null);

        Assert.Equal(HttpStatusCode.OK, (await anybody.GetAsync("/health/live", Ct)).StatusCode);
        var answer = await anybody.GetAsync("/health/ready", Ct);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Ct));
        var checks = body.RootElement.GetProperty("checks");

        Assert.Equal("ready", body.RootElement.GetProperty("status").GetString());
        Assert.Equal(
            ["broker", "database", "models", "storage", "workers"], checks.EnumerateObject().Select(check => check.Name).Order(StringComparer.Ordinal));
        Assert.Equal(
            ["database", "models", "storage"],
            checks.EnumerateObject().Where(check => check.Value.GetProperty("required").GetBoolean()).Select(check => check.Name).Order(StringComparer.Ordinal));
    }
}
