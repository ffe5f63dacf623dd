using System.Text;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http;

namespace I2V.Tests.Gateway;

/// <summary>Requests as bytes, the way clients send them, and a model to check them against.</summary>
internal static class Submits
{
    private const string Boundary = "----frontier";

    public static ModelCapability Model { get; } = new()
    {
        Name = "lab",
        Family = "lab",
        Version = "1",
        PackageSha256 = new string('0', 64),
        Limits = new ModelLimits
        {
            Width = new IntRange(64, 1024),
            Height = new IntRange(64, 1024),
            SizeMultipleOf = 8,
            DefaultLongestSide = 512,
            Frames = new IntRange(5, 81),
            FrameRule = "4k+1",
            Fps = new IntRange(1, 60),
            Steps = new IntRange(1, 100),
            GuidanceScale = new DoubleRange(1, 20),
        },
        UsedSettings = ["prompt", "steps", "guidance_scale"],
        Defaults = new JobSettings { Prompt = "", NumFrames = 17, Fps = 8, Steps = 30, GuidanceScale = 7.5, Preset = "standard" },
        Presets = new Dictionary<string, JobSettings>
        {
            ["draft"] = new() { Steps = 8 },
            ["standard"] = new(),
        },
    };

    public static async Task<(JobRequest? Request, IReadOnlyList<ProblemItem> Errors)> ReadJsonAsync(byte[] body) =>
        await ReadAsync("application/json", body);

    public static Task<(JobRequest? Request, IReadOnlyList<ProblemItem> Errors)> ReadJsonAsync(string body) =>
        ReadJsonAsync(Encoding.UTF8.GetBytes(body));

    public static async Task<(JobRequest? Request, IReadOnlyList<ProblemItem> Errors)> ReadFormAsync(params (string Name, byte[] Value)[] parts) =>
        await ReadAsync($"multipart/form-data; boundary={Boundary}", Form(parts));

    public static (string Name, byte[] Value) Field(string name, string value) => (name, Encoding.UTF8.GetBytes(value));

    public static (string Name, byte[] Value) Image { get; } = ("image", [1, 2, 3]);

    public static byte[] Form(params (string Name, byte[] Value)[] parts)
    {
        using var body = new MemoryStream();
        foreach (var (name, value) in parts)
        {
            var file = name == "image" ? "; filename=\"photo.jpg\"" : "";
            body.Write(Encoding.UTF8.GetBytes($"--{Boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"));
            body.Write(value);
            body.Write("\r\n"u8);
        }

        body.Write(Encoding.UTF8.GetBytes($"--{Boundary}--\r\n"));
        return body.ToArray();
    }

    public static async Task<ProblemResult> RefusalAsync(string contentType, byte[] body)
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => RequestReader.ReadAsync(Http(contentType, body), new ErrorList()));
        return refused.Problem;
    }

    private static async Task<(JobRequest? Request, IReadOnlyList<ProblemItem> Errors)> ReadAsync(string contentType, byte[] body)
    {
        var errors = new ErrorList();
        try
        {
            return (await RequestReader.ReadAsync(Http(contentType, body), errors), errors.Items);
        }
        catch (RefusedException refused) when (refused.Problem.Errors is { } items)
        {
            return (null, items);
        }
    }

    private static DefaultHttpContext Http(string contentType, byte[] body)
    {
        var http = new DefaultHttpContext();
        http.Request.ContentType = contentType;
        http.Request.Body = new MemoryStream(body);
        return http;
    }
}
