using System.Net;
using System.Security.Cryptography;
using I2V.Protocol.Workers;

namespace I2V.Worker.Gateway;

/// <summary>
/// Moves files over signed URLs. It has no key and never logs or repeats an address, since the address is the permission.
/// </summary>
internal sealed class SignedTransfer(HttpClient http, TimeProvider time)
{
    private const int Tries = 4;

    /// <summary>The slowest link that is worth waiting for: 64 KiB a second, after 30 s to begin with.</summary>
    private const double SlowestBytesPerSecond = 65_536;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Fetches <paramref name="url"/> into memory and checks what came.</summary>
    /// <exception cref="HttpRequestException">The store does not give it.</exception>
    /// <exception cref="IOException">What came is too large or is not what was stored.</exception>
    public Task<byte[]> DownloadAsync(string url, long maxBytes, string sha256, CancellationToken ct) =>
        TryAsync(Allowance(maxBytes), token => DownloadOnceAsync(url, maxBytes, sha256, token), ct);

    /// <summary>Sends one file with its length and exactly the headers that were signed.</summary>
    /// <exception cref="HttpRequestException">The store does not take it.</exception>
    public Task UploadAsync(UploadTarget target, string path, CancellationToken ct) =>
        TryAsync(Allowance(new FileInfo(path).Length), token => UploadOnceAsync(target, path, token), ct);

    private static TimeSpan Allowance(long bytes) => Patience + TimeSpan.FromSeconds(bytes / SlowestBytesPerSecond);

    private async Task<byte[]> DownloadOnceAsync(string url, long maxBytes, string sha256, CancellationToken ct)
    {
        using var response = await http.GetAsync(new Uri(url), HttpCompletionOption.ResponseHeadersRead, ct);
        Check(response);
        if (response.Content.Headers.ContentLength > maxBytes)
        {
            throw new InvalidDataException("The stored picture is larger than any that the gateway accepts.");
        }

        await response.Content.LoadIntoBufferAsync(maxBytes, ct);
        var bytes = await response.Content.ReadAsByteArrayAsync(ct);
        return Convert.ToHexStringLower(SHA256.HashData(bytes)) == sha256
            ? bytes
            : throw new IOException("The stored picture is not the one that was submitted: its SHA-256 differs.");
    }

    private async Task<bool> UploadOnceAsync(UploadTarget target, string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, useAsync: true);
        using var request = new HttpRequestMessage(HttpMethod.Put, new Uri(target.Url)) { Content = new StreamContent(file) };
        request.Content.Headers.ContentLength = file.Length;
        foreach (var (name, value) in target.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var response = await http.SendAsync(request, ct);
        Check(response);
        return true;
    }

    private static void Check(HttpResponseMessage response)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException(
                $"The object store answered {(int)response.StatusCode}.", inner: null, response.StatusCode);
        }
    }

    private async Task<T> TryAsync<T>(TimeSpan allowance, Func<CancellationToken, Task<T>> transfer, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var deadline = new CancellationTokenSource(allowance, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, deadline.Token);
            try
            {
                return await transfer(either.Token);
            }
            catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
            {
                if (attempt == Tries)
                {
                    throw new HttpRequestException("The object store did not answer in time.", error);
                }
            }
            catch (Exception error) when (attempt < Tries && IsTransient(error))
            {
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250 << (attempt - 1)), time, ct);
        }
    }

    private static bool IsTransient(Exception error) => error switch
    {
        InvalidDataException => false,
        HttpRequestException { StatusCode: null or HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests } => true,
        HttpRequestException http => http.StatusCode >= HttpStatusCode.InternalServerError,
        IOException => true,
        _ => false,
    };
}
