using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Fit;

/// <summary>The part of a job that decides how much memory it takes, and what may be changed about it.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Frames">Of the film.</param>
/// <param name="Guided">True when two guidance halves are computed.</param>
/// <param name="Steps">Null for models without.</param>
/// <param name="Fit">The policy and its floors.</param>
internal sealed record FitQuestion(int Width, int Height, int Frames, bool Guided, int? Steps, JobFit Fit)
{
    /// <summary>True when the film must be the one that was asked for.</summary>
    public bool IsStrict => Fit.Policy is FitPolicy.Wait or FitPolicy.Fail;

    public long Pixels => (long)Width * Height;

    public FilmExtent Film => new(Width, Height, Frames);

    /// <summary>Null while the settings do not say how large the film is.</summary>
    public static FitQuestion? Of(JobSettings settings, JobFit fit) =>
        settings is { Width: { } width, Height: { } height, NumFrames: { } frames }
            ? new FitQuestion(width, height, frames, settings.GuidanceScale > 1, settings.Steps, fit)
            : null;
}

internal enum FitAnswer
{
    /// <summary>The table does not reach so far: only the claim will tell.</summary>
    Unknown = 0,
    Fits = 1,
    Cannot = 2,
}

/// <param name="Answer">Whether the worker's card can take it.</param>
/// <param name="Row">What the answer rests on: the size above for one that fits, one below for one that cannot.</param>
internal sealed record FitVerdict(FitAnswer Answer, FitRow? Row)
{
    public static FitVerdict Unknown { get; } = new(FitAnswer.Unknown, null);
}

/// <summary>How large a film becomes.</summary>
internal readonly record struct FilmExtent(int Width, int Height, int Frames);

/// <summary>
/// Reads a worker's table. Memory grows with pixels, frames and guidance, so that a size which is not in it lies between two that
/// are: what fits the larger fits it, and what the smaller cannot have it cannot have. Everything between is unknown and is said so.
/// </summary>
internal static class FitTable
{
    public static FitVerdict Judge(ModelCapability model, FitQuestion question)
    {
        if (Above(model.Fit, question) is { } above && Choose(above, model.Limits, question) is { } row)
        {
            return new FitVerdict(FitAnswer.Fits, row);
        }

        var hopeless = Below(model.Fit, question)
            .FirstOrDefault(bucket => bucket.All(row => question.IsStrict ? !row.Exact : row.Rung is null));
        return hopeless is null ? FitVerdict.Unknown : new FitVerdict(FitAnswer.Cannot, hopeless.First());
    }

    /// <summary>
    /// The least bytes with which the film can be made as asked: those of the largest size in the table that is not above it. Null
    /// when the table does not tell.
    /// </summary>
    public static long? LeastBytes(ModelCapability model, FitQuestion question) =>
        Below(model.Fit, question)
            .Select(bucket => bucket.Where(row => row.Exact).Select(row => (long?)row.PeakBytes).Min())
            .Max();

    /// <summary>
    /// What becomes of the film under a row for its size or a larger one: as asked where the row leaves enough, else cut to the row's
    /// frames and to its pixels, in the film's own shape.
    /// </summary>
    public static FilmExtent Applied(FitRow row, ModelLimits limits, FitQuestion question)
    {
        var frames = Math.Min(question.Frames, row.AppliedNumFrames ?? row.NumFrames);
        var (width, height) = (row.AppliedWidth ?? row.Width, row.AppliedHeight ?? row.Height);
        var pixels = (long)width * height;
        if (question.Pixels <= pixels)
        {
            return new FilmExtent(question.Width, question.Height, frames);
        }

        if (question.Width == row.Width && question.Height == row.Height)
        {
            return new FilmExtent(width, height, frames);
        }

        var shrink = Math.Sqrt((double)pixels / question.Pixels);
        return new FilmExtent(Side(question.Width * shrink, limits.Width, limits), Side(question.Height * shrink, limits.Height, limits), frames);
    }

    private static FitRow? Choose(IGrouping<Bucket, FitRow> bucket, ModelLimits limits, FitQuestion question) => question.IsStrict
        ? bucket.FirstOrDefault(row => row.Exact)
        : bucket.FirstOrDefault(row => row.Rung is not null && KeepsFloors(Applied(row, limits, question), question.Fit));

    /// <summary>The smallest size that is nowhere below the question.</summary>
    private static IGrouping<Bucket, FitRow>? Above(IReadOnlyList<FitRow> table, FitQuestion question) =>
        table
            .Where(row => Pixels(row) >= question.Pixels && row.NumFrames >= question.Frames && (row.Guided || !question.Guided))
            .GroupBy(BucketOf)
            .MinBy(bucket => bucket.Key);

    /// <summary>Sizes that are nowhere above the question.</summary>
    private static IEnumerable<IGrouping<Bucket, FitRow>> Below(IReadOnlyList<FitRow> table, FitQuestion question) =>
        table
            .Where(row => Pixels(row) <= question.Pixels && row.NumFrames <= question.Frames && (!row.Guided || question.Guided))
            .GroupBy(BucketOf);

    private static bool KeepsFloors(FilmExtent film, JobFit fit) =>
        film.Width >= (fit.MinWidth ?? 0) && film.Height >= (fit.MinHeight ?? 0) && film.Frames >= (fit.MinFrames ?? 0);

    private static int Side(double side, IntRange range, ModelLimits limits)
    {
        var multiple = FilmSize.Multiple(limits);
        return Math.Max((int)side / multiple * multiple, (range.Min + multiple - 1) / multiple * multiple);
    }

    private static long Pixels(FitRow row) => (long)row.Width * row.Height;

    private static Bucket BucketOf(FitRow row) => new(Pixels(row) * row.NumFrames, row.Guided, row.Width, row.Height, row.NumFrames);

    /// <summary>Compared by its volume first, then by guidance.</summary>
    private readonly record struct Bucket(long Volume, bool Guided, int Width, int Height, int Frames) : IComparable<Bucket>
    {
        public int CompareTo(Bucket other) =>
            (Volume, Guided, Width, Height, Frames).CompareTo((other.Volume, other.Guided, other.Width, other.Height, other.Frames));
    }
}
