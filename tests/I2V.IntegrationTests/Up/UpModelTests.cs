using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.IntegrationTests.Worker;

namespace I2V.IntegrationTests.Up;

/// <summary><c>up --model PACKAGE</c>.</summary>
public sealed class UpModelTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_stack_serves_the_package_that_is_named_and_motion()
    {
        await using var up = await UpProcess.UpAsync(Path.Combine(TestFolder.Create("up"), "data"), "--model", await TinyPackage.GetAsync());
        using var client = up.Client();

        using var models = JsonDocument.Parse(await client.GetStringAsync("/v1/models", Ct));
        Assert.Equal(["i2vgen-xl", "motion"], models.RootElement.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()));
        var job = await SubmitAsync(client);
        Assert.True(Film.IsMp4(await Film.DownloadAsync(client, job)));
        Assert.True(Film.IsMp4(await Film.DownloadAsync(client, await Film.SubmitAsync(client))));
    }

    [Fact]
    public async Task A_package_that_cannot_be_served_is_refused_before_anything_starts()
    {
        var data = Path.Combine(TestFolder.Create("refused"), "data");
        var damaged = Path.Combine(TestFolder.Create("refused"), "damaged");
        foreach (var file in Directory.EnumerateFiles(await TinyPackage.GetAsync(), "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(damaged, Path.GetRelativePath(await TinyPackage.GetAsync(), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        await File.AppendAllTextAsync(Path.Combine(damaged, "unet.weights"), "x", Ct);
        File.Delete(Path.Combine(damaged, "LICENSE"));

        await RefusedAsync($"The model package {damaged} cannot be used: LICENSE is missing", "--model", damaged);
        await RefusedAsync("; unet.weights is damaged: its SHA-256 is ", "--model", damaged);
        await RefusedAsync($"The model package {data} cannot be used: manifest.json cannot be read", "--model", data);
        Assert.False(Directory.Exists(data));

        async Task RefusedAsync(string sentence, params string[] more)
        {
            var (code, said) = await UpProcess.RunAsync(["up", "--no-install", "--data", data, .. more]);
            Assert.Equal(ExitCode.Failure, code);
            Assert.Contains(sentence, said, StringComparison.Ordinal);
            Assert.DoesNotContain("ready", said, StringComparison.Ordinal);
        }
    }

    private static async Task<string> SubmitAsync(HttpClient client)
    {
        using var image = new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(Product.Root, "docs/images/lighthouse.jpg"), Ct));
        image.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
        using var form = new MultipartFormDataContent
        {
            { image, "image", "photo.jpg" },
            { new StringContent("i2vgen-xl"), "model" },
            { new StringContent("128"), "width" },
            { new StringContent("64"), "height" },
            { new StringContent("2"), "num_frames" },
            { new StringContent("3"), "steps" },
        };
        using var answer = await client.PostAsync("/v1/jobs", form, Ct);
        var body = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!;
    }
}
