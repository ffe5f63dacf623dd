using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using I2V.Cli.Up;

namespace I2V.IntegrationTests.Up;

/// <summary>A small job as a user's script sends it.</summary>
internal static class Film
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Submits a photo and returns the job's id.</summary>
    public static async Task<string> SubmitAsync(HttpClient client)
    {
        using var image = new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(Product.Root, "docs/images/lighthouse.jpg"), Ct));
        image.Headers.ContentType = new MediaTypeHeaderValue("image/jpeg");
        using var form = new MultipartFormDataContent
        {
            { image, "image", "photo.jpg" },
            { new StringContent("slow zoom in"), "prompt" },
            { new StringContent("128"), "width" },
            { new StringContent("8"), "num_frames" },
        };
        using var answer = await client.PostAsync("/v1/jobs", form, Ct);
        var body = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!;
    }

    /// <summary>Waits for the job and returns the film's bytes.</summary>
    public static async Task<byte[]> DownloadAsync(HttpClient client, string job)
    {
        await FinishedAsync(client, job);
        return await client.GetByteArrayAsync($"/v1/jobs/{job}/content?variant=video", Ct);
    }

    /// <summary>Waits until the job has succeeded.</summary>
    public static async Task FinishedAsync(HttpClient client, string job)
    {
        string status;
        do
        {
            using var answer = JsonDocument.Parse(await client.GetStringAsync($"/v1/jobs/{job}?wait=20", Ct));
            status = answer.RootElement.GetProperty("status").GetString()!;
            Assert.True(status is "queued" or "running" or "succeeded", answer.RootElement.ToString());
        }
        while (status != "succeeded");
    }

    /// <summary>True for the beginning of an MP4 file.</summary>
    public static bool IsMp4(byte[] film) => film.AsSpan(4, 4).SequenceEqual("ftyp"u8);
}
