using System.Net;
using I2V.Gateway.Errors;
using I2V.Gateway.Outbound;
using I2V.Media;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>
/// Fetches <c>input.image.url</c> without becoming a way into the network behind us: connections are those of
/// <see cref="PublicHttp"/>, redirects are followed by hand through the same checks, and time and bytes are bounded.
/// </summary>
internal sealed class ImageFetch : IDisposable
{
    public const string Pointer = "/input/image/url";

    private const int MaxRedirects = 3;

    private readonly IntakeOptions options;
    private readonly HttpClient client;

    public ImageFetch(IOptions<IntakeOptions> options)
    {
        this.options = options.Value;
        client = new HttpClient(PublicHttp.CreateHandler([.. this.options.AllowedNetworks.Select(text => IPNetwork.Parse(text))])) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <exception cref="RefusedException">The address may not be fetched, or gave no picture of the allowed size in time.</exception>
    public async Task<ReadOnlyMemory<byte>> FetchAsync(Uri url, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(options.FetchTimeout);
        try
        {
            for (var redirects = 0; ; redirects++)
            {
                CheckUrl(url);
                using var response = await client.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                if (!IsRedirect(response.StatusCode))
                {
                    return await ReadAsync(response, limit.Token);
                }

                if (redirects == MaxRedirects || response.Headers.Location is not { } location)
                {
                    throw Refuse($"Redirects more than {MaxRedirects} times, or to nowhere; give the final address.");
                }

                url = new Uri(url, location);
            }
        }
        catch (HttpRequestException error) when (error.InnerException is AddressRefusedException refused)
        {
            throw Refuse(refused.Message);
        }
        catch (HttpRequestException)
        {
            throw Refuse("Could not be fetched: the server cannot be reached or does not answer properly.");
        }
        catch (IOException)
        {
            throw Refuse("Could not be fetched: the answer broke off.");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw Refuse($"Took longer than {options.FetchTimeout.TotalSeconds} s to fetch; send the file itself.");
        }
    }

    public void Dispose() => client.Dispose();

    private void CheckUrl(Uri url)
    {
        if (url.Scheme != Uri.UriSchemeHttps && !(options.AllowHttp && url.Scheme == Uri.UriSchemeHttp))
        {
            throw Refuse($"Has the scheme {url.Scheme}; only https is fetched.");
        }

        if (url.UserInfo.Length > 0)
        {
            throw Refuse("Holds a user name; give an address without one.");
        }

        var usual = url.Port == 443 || (options.AllowHttp && url.Port == 80);
        if (!usual && !options.AllowedPorts.Contains(url.Port))
        {
            throw Refuse($"Names port {url.Port}; only the usual port is fetched from.");
        }
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, CancellationToken ct)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw Refuse($"Answered with status {(int)response.StatusCode} instead of a picture.");
        }

        const string tooLarge = "Leads to a file larger than 20 MiB, the most that is taken.";
        var most = new ImageLimits().MaxBytes;
        if (response.Content.Headers.ContentLength > most)
        {
            throw Refuse(tooLarge);
        }

        await using var body = await response.Content.ReadAsStreamAsync(ct);
        return await BoundedBody.TryReadAsync(body, most, ct) ?? throw Refuse(tooLarge);
    }

    private static bool IsRedirect(HttpStatusCode status) => status
        is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
        or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private static RefusedException Refuse(string detail) => new(Problems.Invalid(Pointer, detail));
}
