using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace I2V.ModelBuilder.Checkpoints.Hub;

/// <param name="File">What is fetched now.</param>
/// <param name="Bytes">Bytes that are here, those of an earlier, interrupted run included.</param>
/// <param name="TotalBytes">Bytes of all files.</param>
public readonly record struct DownloadProgress(string File, long Bytes, long TotalBytes);

/// <summary>
/// Fetches files into a folder. What arrives goes into <c>FILE.part</c>, which a later try goes on with, and gets its name
/// when its hash is the one that the hub lists.
/// </summary>
/// <param name="hub">Where from.</param>
/// <param name="time">The clock.</param>
/// <param name="firstPause">Before a second try; doubled before each further one.</param>
public sealed class HubDownload(HubClient hub, TimeProvider time, TimeSpan firstPause)
{
    private const int Tries = 5;

    /// <summary>A connection that says nothing for this long is given up and made again.</summary>
    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(60);

    /// <exception cref="HubException">A file cannot be fetched, or is not what the hub lists.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public async Task RunAsync(HubRepository repository, IReadOnlyList<HubFile> files, string folder, IProgress<DownloadProgress>? progress, CancellationToken ct)
    {
        var total = files.Sum(file => file.Bytes);
        var before = 0L;
        foreach (var file in files)
        {
            var start = before;
            await FetchAsync(repository, file, Path.Combine(folder, file.Path), bytes => progress?.Report(new DownloadProgress(file.Path, start + bytes, total)), ct);
            before += file.Bytes;
            progress?.Report(new DownloadProgress(file.Path, before, total));
        }
    }

    private async Task FetchAsync(HubRepository repository, HubFile file, string path, Action<long> report, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (new FileInfo(path) is { Exists: true } there && there.Length == file.Bytes && await IsWholeAsync(path, file, ct))
        {
            return;
        }

        var part = path + ".part";
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await GoOnAsync(repository, file, part, report, ct);
                break;
            }
            catch (HubException error) when (error.IsTransient && attempt < Tries)
            {
                await Task.Delay(firstPause * (1 << (attempt - 1)), time, ct);
            }
        }

        if (!await IsWholeAsync(part, file, ct))
        {
            File.Delete(part);
            throw new HubException($"{file.Path} of {repository.Name} arrived with another hash than the hub lists and was deleted: try again; if it happens again, do not trust the hub.");
        }

        File.Move(part, path, overwrite: true);
    }

    private async Task GoOnAsync(HubRepository repository, HubFile file, string part, Action<long> report, CancellationToken ct)
    {
        var have = new FileInfo(part) is { Exists: true } there && there.Length <= file.Bytes ? there.Length : 0;
        if (have == file.Bytes && have > 0)
        {
            return;
        }

        using var response = await hub.OpenAsync(repository, file, have, ct);
        var from = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == have ? have : 0;
        if (from == 0 && response.StatusCode == HttpStatusCode.PartialContent && have > 0)
        {
            File.Delete(part);
            throw new HubException($"The hub sent another part of {file.Path} than was asked for.") { IsTransient = true };
        }

        await using var to = new FileStream(part, from > 0 ? FileMode.Open : FileMode.Create, FileAccess.Write);
        to.Position = from;
        await CopyAsync(response, to, file, report, ct);
        if (to.Length != file.Bytes)
        {
            throw new HubException($"The connection ended after {to.Length} of the {file.Bytes} bytes of {file.Path}.") { IsTransient = true };
        }
    }

    private async Task CopyAsync(HttpResponseMessage response, FileStream to, HubFile file, Action<long> report, CancellationToken ct)
    {
        using var stall = new CancellationTokenSource(Stall, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, stall.Token);
        var buffer = new byte[1 << 20];
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            int read;
            while ((read = await body.ReadAsync(buffer, either.Token)) > 0)
            {
                if (to.Position + read > file.Bytes)
                {
                    throw new HubException($"{file.Path} is longer than the {file.Bytes} bytes that the hub lists.");
                }

                await to.WriteAsync(buffer.AsMemory(0, read), ct);
                report(to.Position);
                stall.CancelAfter(Stall);
            }
        }
        catch (OperationCanceledException error) when (!ct.IsCancellationRequested)
        {
            throw new HubException($"The hub sent nothing of {file.Path} for {Stall.TotalSeconds:0} s.", error) { IsTransient = true };
        }
        catch (Exception error) when (error is HttpRequestException or HttpIOException)
        {
            throw new HubException($"The connection broke after {to.Position} of the {file.Bytes} bytes of {file.Path}: {error.Message}", error) { IsTransient = true };
        }
    }

    private static async Task<bool> IsWholeAsync(string path, HubFile file, CancellationToken ct)
    {
        await using var stream = File.OpenRead(path);
        if (file.Sha256 is { } sha256)
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, ct)).Equals(sha256, StringComparison.OrdinalIgnoreCase);
        }

        return file.GitSha1 is { } sha1 && (await GitHashAsync(stream, ct)).Equals(sha1, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Small files are listed with the name that git gives them: SHA-1 over a header and the content.</summary>
    private static async Task<string> GitHashAsync(FileStream stream, CancellationToken ct)
    {
#pragma warning disable CA5350 // It is git's own hash, and guards against damage, not against forgery: weights have SHA-256.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {stream.Length}\0")));
        var buffer = new byte[1 << 16];
        int read;
        while ((read = await stream.ReadAsync(buffer, ct)) > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
