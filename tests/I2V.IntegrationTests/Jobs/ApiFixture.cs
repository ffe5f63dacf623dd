using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using I2V.IntegrationTests.Servers;
using I2V.Media;
using I2V.Media.Images;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Jobs;

/// <summary>One gateway and one worker for the tests of a class.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    internal TestGateway Gateway { get; private set; } = null!;

    internal FakeWorker Worker { get; private set; } = null!;

    internal HttpClient Client => Gateway.Client;

    /// <summary>A PNG of 96 × 64 pixels with something on it.</summary>
    internal static byte[] Photo { get; } = Picture(96, 64);

    public async ValueTask InitializeAsync()
    {
        Gateway = await TestGateway.StartAsync();
        Worker = new FakeWorker(Gateway);
        await Worker.RegisterAsync(FakeWorker.Motion, FakeWorker.Lab);
    }

    public async ValueTask DisposeAsync()
    {
        Worker.Dispose();
        await Gateway.DisposeAsync();
    }

    internal static byte[] Picture(int width, int height)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)((i * 7) + (i / (width * 3) * 11));
        }

        return PngWriter.Write(new RgbImage(width, height, pixels));
    }

    internal static MultipartFormDataContent Form(byte[] image, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent { { new ByteArrayContent(image), "image", "photo.png" } };
        foreach (var (name, value) in fields)
        {
            form.Add(new StringContent(value), name);
        }

        return form;
    }

    internal static StringContent Json(string body) => new(body, Encoding.UTF8, "application/json");

    /// <summary>Jobs of the tests before would be in a test's way.</summary>
    internal Task EmptyAsync() => Gateway.ExecuteAsync("delete from jobs");

    internal Task<JobObject> SubmitAsync(params (string Name, string Value)[] fields) => SubmitAsync(Client, fields);

    internal static async Task<JobObject> SubmitAsync(HttpClient client, params (string Name, string Value)[] fields)
    {
        var ct = TestContext.Current.CancellationToken;
        using var response = await client.PostAsync("/v1/jobs", Form(Photo, fields), ct);
        Assert.True(response.StatusCode == HttpStatusCode.Accepted, await response.Content.ReadAsStringAsync(ct));
        return (await response.Content.ReadFromJsonAsync<JobObject>(I2VJson.Options, ct))!;
    }

    internal async Task<JobObject> GetAsync(string id) => await Client.GetAsync($"/v1/jobs/{id}", TestContext.Current.CancellationToken).ReadAsync<JobObject>();

    /// <summary>Submits a job and lets the worker make its film.</summary>
    internal async Task<JobObject> MakeFilmAsync(params (string Name, string Value)[] fields)
    {
        var job = await SubmitAsync(fields);
        await Worker.CompleteAsync((await Worker.ClaimAsync())!);
        return await GetAsync(job.Id);
    }

    /// <summary>Checks that an answer is a problem of this status and code, and returns it.</summary>
    internal static async Task<Problem> ProblemAsync(HttpResponseMessage response, HttpStatusCode status, string code)
    {
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == status, $"{response.StatusCode}: {body}");
        Assert.Equal(new MediaTypeHeaderValue("application/problem+json"), response.Content.Headers.ContentType);
        Assert.DoesNotContain("   at ", body, StringComparison.Ordinal);
        var problem = System.Text.Json.JsonSerializer.Deserialize<Problem>(body, I2VJson.Options)!;
        Assert.Equal((code, (int)status), (problem.Code, problem.Status));
        Assert.Equal(problem.RequestId, response.Headers.GetValues("X-Request-Id").Single());
        Assert.NotEmpty(problem.Detail!);
        return problem;
    }
}
