using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace I2V.Tests.ModelBuilder.Checkpoints;

/// <summary>What came to the hub or to the store that it redirects to.</summary>
internal sealed record HubCall(string Server, string Path, string? Authorization, string? Range);

/// <summary>A model hub with one repository, and a store of large files on another port.</summary>
internal sealed class FakeHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly WebApplication hub;
    private readonly WebApplication store;

    private FakeHub(string folder)
    {
        Files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(file => Path.GetRelativePath(folder, file), File.ReadAllBytes);
        hub = Server("hub", AnswerAsync);
        store = Server("store", SendAsync);
    }

    public Dictionary<string, byte[]> Files { get; }

    public ConcurrentQueue<HubCall> Calls { get; } = new();

    public Uri Address => new(hub.Urls.Single() + "/");

    /// <summary>When set, every call to the hub is answered with it.</summary>
    public int? Refusal { get; set; }

    /// <summary>Sends as many bytes of a file and then breaks the connection, once.</summary>
    public ConcurrentDictionary<string, int> BreaksAfter { get; } = new();

    /// <summary>Files that are sent with another byte than listed.</summary>
    public HashSet<string> Damaged { get; } = [];

    public bool KnowsRanges { get; set; } = true;

    public static async Task<FakeHub> StartAsync(string folder)
    {
        var fake = new FakeHub(folder);
        await fake.hub.StartAsync(TestContext.Current.CancellationToken);
        await fake.store.StartAsync(TestContext.Current.CancellationToken);
        return fake;
    }

    public async ValueTask DisposeAsync()
    {
        await hub.DisposeAsync();
        await store.DisposeAsync();
    }

    private static bool IsLarge(string path) => path.EndsWith(".safetensors", StringComparison.Ordinal);

    private WebApplication Server(string name, Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var server = builder.Build();
        server.Run(context =>
        {
            Calls.Enqueue(new HubCall(name, context.Request.Path, context.Request.Headers.Authorization.SingleOrDefault(), context.Request.Headers.Range.SingleOrDefault()));
            return answer(context);
        });
        return server;
    }

    private Task AnswerAsync(HttpContext context)
    {
        const string resolve = $"/owner/name/resolve/{Commit}/";
        var path = context.Request.Path.Value!;
        if (Refusal is { } status)
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        }

        if (path == "/api/models/owner/name/revision/main" && context.Request.Query["blobs"] == "true")
        {
            return context.Response.WriteAsJsonAsync(new { id = "owner/name", sha = Commit, cardData = new { license = "mit" }, siblings = Files.Select(file => Sibling(file.Key, file.Value)) });
        }

        if (!path.StartsWith(resolve, StringComparison.Ordinal) || !Files.ContainsKey(path[resolve.Length..]))
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        }

        if (IsLarge(path))
        {
            context.Response.Redirect($"{store.Urls.Single()}/{path[resolve.Length..]}");
            return Task.CompletedTask;
        }

        return SendAsync(context, path[resolve.Length..]);
    }

    private Task SendAsync(HttpContext context) => SendAsync(context, context.Request.Path.Value![1..]);

    private async Task SendAsync(HttpContext context, string path)
    {
        var content = Files[path].ToArray();
        if (Damaged.Contains(path))
        {
            content[^1] ^= 1;
        }

        var from = 0;
        if (KnowsRanges && context.Request.GetTypedHeaders().Range?.Ranges.Single().From is { } start)
        {
            from = (int)start;
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = FormattableString.Invariant($"bytes {from}-{content.Length - 1}/{content.Length}");
        }

        context.Response.ContentLength = content.Length - from;
        if (BreaksAfter.TryRemove(path, out var bytes))
        {
            await context.Response.Body.WriteAsync(content.AsMemory(from, bytes));
            return; // fewer bytes than announced: the server closes the connection behind them
        }

        await context.Response.Body.WriteAsync(content.AsMemory(from));
    }

    private static object Sibling(string path, byte[] content) => IsLarge(path)
        ? new { rfilename = path, size = content.Length, blobId = "of the pointer", lfs = (object?)new { sha256 = Convert.ToHexStringLower(SHA256.HashData(content)), size = content.Length, pointerSize = 134 } }
        : new { rfilename = path, size = content.Length, blobId = GitHash(content), lfs = (object?)null };

#pragma warning disable CA5350 // git's own hash
    private static string GitHash(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {content.Length}\0")), .. content]));
#pragma warning restore CA5350
}
