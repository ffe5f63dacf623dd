using System.Globalization;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;

namespace I2V.Gateway.Fit;

/// <summary>A refusal that still stands.</summary>
internal sealed record StandingRefusal(Guid WorkerId, string WorkerName, string Code, long NeededBytes, long FreeBytes);

/// <summary>A waiting job, as far as fit goes.</summary>
internal sealed record FitCase
{
    public required string Model { get; init; }

    public required string Lane { get; init; }

    public long? NeededBytes { get; init; }

    /// <summary>Null while nobody knows how large the film is.</summary>
    public FitQuestion? Question { get; init; }

    public IReadOnlyList<StandingRefusal> Refusals { get; init; } = [];
}

/// <summary>Who could take a job.</summary>
/// <param name="Able">Live workers that can, as far as is known.</param>
/// <param name="WhyNot">The live workers of the model that cannot.</param>
internal sealed record FitOpinion(IReadOnlyList<AbleWorker> Able, IReadOnlyList<WhyNot> WhyNot)
{
    /// <summary>True when somebody serves the model and nobody who does can take the job.</summary>
    public bool IsHopeless => Able.Count == 0 && WhyNot.Any(why => why.Code != FitJudge.Draining);

    /// <summary>The code that the job fails with when it is hopeless.</summary>
    public string Code => WhyNot.Where(why => why.Code != FitJudge.Draining).All(why => why.Code == ErrorCode.RamInsufficient)
        ? ErrorCode.RamInsufficient
        : ErrorCode.VramInsufficient;
}

/// <param name="Worker">Who.</param>
/// <param name="Verdict">What its table says.</param>
internal sealed record AbleWorker(FleetWorker Worker, FitVerdict Verdict);

/// <summary>
/// Decides which of the workers that are there can take a job: those whose table does not rule it out, whose card is as large as the
/// job is known to need, and which have not refused it for a reason that stands.
/// </summary>
internal static class FitJudge
{
    public const string Draining = "draining";

    /// <summary>More would bury the rest of the answer.</summary>
    private const int MostSentences = 8;

    private const double Gb = 1L << 30;

    public static FitOpinion Judge(IReadOnlyList<FleetWorker> fleet, FitCase job)
    {
        var able = new List<AbleWorker>();
        var whyNot = new List<WhyNot>();
        foreach (var worker in fleet)
        {
            if (worker.Find(job.Model) is not { } model)
            {
                continue;
            }

            var verdict = job.Question is { } question ? FitTable.Judge(model, question) : FitVerdict.Unknown;
            if (FindObstacle(worker, job, verdict) is { } why)
            {
                whyNot.Add(why);
            }
            else
            {
                able.Add(new AbleWorker(worker, verdict));
            }
        }

        return new FitOpinion(able, whyNot);
    }

    /// <summary>
    /// What a card needs at least for a job that may not be degraded: the least that any live worker of the model knows of. Null when
    /// one that might take it does not know, since it might do with less.
    /// </summary>
    public static long? LeastBytes(IReadOnlyList<FleetWorker> fleet, string model, FitQuestion? question)
    {
        if (question is not { IsStrict: true })
        {
            return null;
        }

        long? least = null;
        foreach (var capability in fleet.Where(worker => !worker.IsDraining).Select(worker => worker.Find(model)).OfType<ModelCapability>())
        {
            var verdict = FitTable.Judge(capability, question);
            var bytes = verdict.Answer == FitAnswer.Cannot ? Missing(verdict.Row!)?.Needed : FitTable.LeastBytes(capability, question);
            if (bytes is null && verdict.Answer != FitAnswer.Cannot)
            {
                return null;
            }

            least = bytes < (least ?? long.MaxValue) ? bytes : least;
        }

        return least > 0 ? least : null;
    }

    /// <summary>One sentence per worker that cannot take the job, such as <c>host/gpu-0: needs 9.1 GB, has 7.6 GB free</c>.</summary>
    public static IEnumerable<string> Sentences(IReadOnlyList<WhyNot> whyNot)
    {
        foreach (var why in whyNot.Take(MostSentences))
        {
            yield return $"{why.Worker}: {why.Message}";
        }

        if (whyNot.Count > MostSentences)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"and {whyNot.Count - MostSentences} more workers");
        }
    }

    private static WhyNot? FindObstacle(FleetWorker worker, FitCase job, FitVerdict verdict)
    {
        if (worker.IsDraining)
        {
            return new WhyNot(worker.Name, worker.Device.Name, Draining, null, null, "finishes what it has and takes nothing more");
        }

        if (job.Refusals.FirstOrDefault(refusal => refusal.WorkerId == worker.Id) is { } refused)
        {
            return Short(worker, refused.Code, refused.NeededBytes, refused.FreeBytes);
        }

        if (verdict is { Answer: FitAnswer.Cannot, Row: { } row })
        {
            return Explain(worker, row, job.Question!);
        }

        var total = worker.Device.MemoryTotalBytes;
        return job.NeededBytes is { } needed && (needed > total || !worker.Lanes.Contains(job.Lane))
            ? Short(worker, ErrorCode.VramInsufficient, needed, total)
            : null;
    }

    /// <summary>In the words of the worker's own table, where it says what it would have to change.</summary>
    private static WhyNot Explain(FleetWorker worker, FitRow row, FitQuestion question)
    {
        var code = row.Code ?? ErrorCode.VramInsufficient;
        if (Missing(row) is { } missing)
        {
            return Short(worker, code, missing.Needed, missing.Free ?? worker.Device.MemoryTotalBytes);
        }

        var reason = row.Degradations is [var first, ..] ? first.Message : null;
        var message = string.Create(CultureInfo.InvariantCulture, $"would change the film, which fit.policy {Name(question.Fit.Policy)} forbids");
        return new WhyNot(worker.Name, worker.Device.Name, code, null, null, reason is null ? message : $"{message}: {reason}");
    }

    /// <summary>The bytes that a row which does not do says it lacks; null where a rule decided and no number.</summary>
    private static (long Needed, long? Free)? Missing(FitRow row) => row.Rung is null
        ? (row.PeakBytes, null)
        : row.Degradations
            .Where(step => step.NeededBytes is not null)
            .Select(step => ((long, long?)?)(step.NeededBytes!.Value, step.FreeBytes))
            .FirstOrDefault();

    private static WhyNot Short(FleetWorker worker, string code, long needed, long free)
    {
        if (needed <= free)
        {
            return new WhyNot(worker.Name, worker.Device.Name, code, null, null, "does not make such a film, whatever is free");
        }

        var kind = code == ErrorCode.RamInsufficient ? " of system memory" : "";
        var message = string.Create(CultureInfo.InvariantCulture, $"needs {needed / Gb:0.0} GB{kind}, has {free / Gb:0.0} GB free");
        return new WhyNot(worker.Name, worker.Device.Name, code, needed, free, message);
    }

    private static string Name(FitPolicy policy) => policy == FitPolicy.Wait ? "wait" : "fail";
}
