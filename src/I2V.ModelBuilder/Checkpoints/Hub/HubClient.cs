using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace I2V.ModelBuilder.Checkpoints.Hub;

/// <summary>Talks to a model hub. The token goes to the hub itself and to nobody that it redirects to.</summary>
/// <param name="endpoint">Base address.</param>
/// <param name="token">Null for none.</param>
public sealed class HubClient(Uri endpoint, string? token) : IDisposable
{
    public const string DefaultEndpoint = "https://huggingface.co";

    private const int MaxRedirects = 8;
    private const int MaxListingBytes = 64 << 20;

    private readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(30) })
    {
        // A body of gigabytes takes as long as it takes; the stall of a single read is bounded by the caller.
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = MaxListingBytes,
    };

    /// <summary>Lists a revision's files with their hashes.</summary>
    /// <exception cref="HubException">The hub refuses, does not know it, or cannot be reached.</exception>
    public async Task<HubRepository> ListAsync(string repository, string revision, CancellationToken ct)
    {
        var address = new Uri(endpoint, $"api/models/{repository}/revision/{Uri.EscapeDataString(revision)}?blobs=true");
        using var response = await GetAsync(address, from: 0, $"{repository} at {revision}", ct);
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(ct);
            using var listing = await JsonDocument.ParseAsync(body, cancellationToken: ct);
            return ReadListing(repository, listing.RootElement);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new HubException($"{endpoint.Host} answered something else than a list of the files of {repository}.", error);
        }
    }

    /// <summary>Opens a file's content from a byte on. The answer is 206, or 200 when the hub sends all of it.</summary>
    /// <exception cref="HubException">The hub refuses, does not have it, or cannot be reached.</exception>
    internal Task<HttpResponseMessage> OpenAsync(HubRepository repository, HubFile file, long from, CancellationToken ct)
    {
        var path = string.Join('/', file.Path.Split('/').Select(Uri.EscapeDataString));
        return GetAsync(new Uri(endpoint, $"{repository.Name}/resolve/{repository.Commit}/{path}"), from, $"{file.Path} of {repository.Name}", ct);
    }

    public void Dispose() => http.Dispose();

    private async Task<HttpResponseMessage> GetAsync(Uri address, long from, string what, CancellationToken ct)
    {
        for (var redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            var response = await SendAsync(address, from, ct);
            if (Next(response, address) is { } next)
            {
                response.Dispose();
                address = next;
                continue;
            }

            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                throw Refusal(response.StatusCode, what);
            }
        }

        throw new HubException($"{endpoint.Host} redirects without end for {what}.");
    }

    private async Task<HttpResponseMessage> SendAsync(Uri address, long from, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (token is not null && Uri.Compare(address, endpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (from > 0)
        {
            request.Headers.Range = new RangeHeaderValue(from, null);
        }

        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        }
        catch (HttpRequestException error)
        {
            throw new HubException($"{address.Host} cannot be reached: {error.Message}", error) { IsTransient = true };
        }
    }

    /// <summary>Where a redirect leads; never from an encrypted address to an open one.</summary>
    private static Uri? Next(HttpResponseMessage response, Uri address)
    {
        if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
        {
            return null;
        }

        var next = new Uri(address, location);
        return next.Scheme == Uri.UriSchemeHttps || (next.Scheme == Uri.UriSchemeHttp && address.Scheme == Uri.UriSchemeHttp)
            ? next
            : throw new HubException($"{address.Host} redirects to an address that is not encrypted, which is refused.");
    }

    private HubException Refusal(HttpStatusCode status, string what) => status switch
    {
        HttpStatusCode.Unauthorized when token is null => new($"{endpoint.Host} does not show {what} without a token, or there is no such model: correct the name, or set HF_TOKEN."),
        HttpStatusCode.Unauthorized => new($"{endpoint.Host} does not accept the token of HF_TOKEN for {what}: make a new one, or correct the model's name."),
        HttpStatusCode.Forbidden => new($"{endpoint.Host} does not let you read {what}: accept the model's terms on its page with the account that HF_TOKEN belongs to."),
        HttpStatusCode.NotFound => new($"{endpoint.Host} has no {what}: correct the name, or --revision."),
        _ => new($"{endpoint.Host} answered {(int)status} for {what}.") { IsTransient = (int)status is 408 or 429 or >= 500 },
    };

    private static HubRepository ReadListing(string repository, JsonElement listing)
    {
        var license = listing.TryGetProperty("cardData", out var card) && card.ValueKind == JsonValueKind.Object
            && card.TryGetProperty("license", out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        var files = listing.GetProperty("siblings").EnumerateArray().Select(ReadFile).ToList();
        if (files.Find(file => !IsPlain(file.Path)) is { } hostile)
        {
            throw new HubException($"{repository} lists a file {hostile.Path}, which is not a plain path: nothing of it is fetched.");
        }

        return new HubRepository(repository, listing.GetProperty("sha").GetString()!, license, files);
    }

    private static HubFile ReadFile(JsonElement file)
    {
        var path = file.GetProperty("rfilename").GetString()!;
        return file.TryGetProperty("lfs", out var lfs) && lfs.ValueKind == JsonValueKind.Object
            ? new HubFile(path, lfs.GetProperty("size").GetInt64(), lfs.GetProperty("sha256").GetString(), null)
            : new HubFile(path, file.GetProperty("size").GetInt64(), null, file.GetProperty("blobId").GetString());
    }

    private static bool IsPlain(string path) =>
        !path.Contains('\\') && !path.Contains(':') && !path.Contains('\0') && path.Split('/').All(part => part is not ("" or "." or ".."));
}
