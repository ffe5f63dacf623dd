using System.Security.Cryptography;
using I2V.Cli.Configuration;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>Where a film goes, and how it gets there: whole or not at all.</summary>
internal static class FilmFile
{
    private const int Tries = 4;

    /// <summary><c>cat.jpg</c> gives <c>cat.mp4</c> here, or <c>cat-1.mp4</c>, … where that exists: nothing is overwritten unasked.</summary>
    public static string DefaultPath(string folder, string name)
    {
        var stem = Path.GetFileNameWithoutExtension(name);
        for (var number = 0; ; number++)
        {
            var path = Path.Combine(folder, number == 0 ? $"{stem}.mp4" : FormattableString.Invariant($"{stem}-{number}.mp4"));
            if (!Path.Exists(path))
            {
                return path;
            }
        }
    }

    /// <summary>Refuses a place that cannot take a film before the work begins, not after.</summary>
    public static void CheckPlace(string path)
    {
        if (Directory.Exists(path))
        {
            throw new CliException($"{path} is a folder; name the file that the film goes to, such as {Path.Combine(path, "film.mp4")}.", ExitCode.Usage);
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder))
        {
            throw new CliException($"The folder {folder} does not exist; create it or choose another place with -o.", ExitCode.Usage);
        }
    }

    /// <summary>Fetches the film over its signed link, checks it, and puts it in place in one step.</summary>
    public static async Task DownloadAsync(JobObject job, string path, TimeProvider time, CancellationToken ct)
    {
        var video = job.Output?.Video ?? throw new CliException("The gateway names no film for this job.");
        var partial = path + ".part";
        try
        {
            for (var attempt = 1; !await TryDownloadAsync(video, partial, attempt == Tries, ct); attempt++)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500 << attempt), time, ct);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new CliException($"The film cannot be written to {path}: {error.Message}", error);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    private static async Task<bool> TryDownloadAsync(OutputFile video, string partial, bool last, CancellationToken ct)
    {
        try
        {
            // The link is the permission: no key goes with it.
            using var http = new HttpClient();
            await using var body = await http.GetStreamAsync(new Uri(video.Url), ct);
            await using (var file = File.Create(partial))
            {
                await body.CopyToAsync(file, ct);
            }

            await using var written = File.OpenRead(partial);
            var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(written, ct));
            return hash == video.Sha256 || Refuse(last, "its SHA-256 is not the one that the gateway names", null);
        }
        catch (HttpRequestException error)
        {
            return Refuse(last, error.Message, error);
        }
        catch (IOException error) when (error is not (DirectoryNotFoundException or PathTooLongException))
        {
            return Refuse(last, error.Message, error);
        }
    }

    private static bool Refuse(bool last, string why, Exception? error) => last
        ? throw new CliException($"The film could not be downloaded: {why}.", error ?? new InvalidDataException(why))
        : false;
}
