using System.Text.RegularExpressions;
using I2V.Gateway.Storage;
using I2V.Protocol.Errors;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Scheduling;

/// <summary>The files that an attempt may bring, and where each belongs.</summary>
internal static partial class AttemptFiles
{
    public const string Video = "video";
    public const string Poster = "poster";
    public const string Manifest = "manifest";

    /// <summary>2 GiB: far above any film of ours, and what browsers can hold.</summary>
    private const long MostBytes = 2L << 30;

    public static string KeyOf(Guid tenant, Lease lease, string name) => name switch
    {
        Video => ArtifactKeys.Video(tenant, lease.JobId, lease.Attempt),
        Poster => ArtifactKeys.Poster(tenant, lease.JobId, lease.Attempt),
        Manifest => ArtifactKeys.Manifest(tenant, lease.JobId, lease.Attempt),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "An attempt has no such file."),
    };

    /// <summary>Everything that is wrong with a list of files.</summary>
    public static IReadOnlyList<ProblemItem> FindProblems(IReadOnlyList<Artifact> files)
    {
        List<ProblemItem> problems = [];
        if (files.Count == 0)
        {
            problems.Add(new ProblemItem("/artifacts", ErrorCode.InvalidInput, "artifacts is empty: name at least one of video, poster, manifest."));
        }

        for (var i = 0; i < files.Count; i++)
        {
            if (FindProblem(files[i]) is { } problem)
            {
                problems.Add(new ProblemItem(FormattableString.Invariant($"/artifacts/{i}"), ErrorCode.InvalidInput, problem));
            }
        }

        if (files.DistinctBy(file => file.Name).Count() != files.Count)
        {
            problems.Add(new ProblemItem("/artifacts", ErrorCode.InvalidInput, "artifacts names a file twice."));
        }

        return problems;
    }

    private static string? FindProblem(Artifact file) => (file.Name, file.ContentType) switch
    {
        (Video, not "video/mp4") => "A video must be video/mp4.",
        (Poster, not "image/jpeg") => "A poster must be image/jpeg.",
        (Manifest, not "application/json") => "A manifest must be application/json.",
        (not (Video or Poster or Manifest), _) => "An artifact's name must be video, poster or manifest.",
        _ when file.Bytes is < 1 or > MostBytes => "An artifact must have 1 to 2147483648 bytes.",
        _ when !Sha256().IsMatch(file.Sha256) => "An artifact's sha256 must be 64 lower-case hexadecimal digits.",
        _ => null,
    };

    [GeneratedRegex(@"\A[0-9a-f]{64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Sha256();
}
