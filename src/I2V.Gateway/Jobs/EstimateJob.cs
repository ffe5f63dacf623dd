using System.Security.Claims;
using System.Text.Json;
using I2V.Gateway.Access;
using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;

namespace I2V.Gateway.Jobs;

/// <summary>
/// <c>POST /v1/jobs:estimate</c>: what would become of a request. It is checked like a submit and judged by the tables of the workers
/// that are there; nothing is stored, and nothing is promised: a claim decides by the memory that is free then.
/// </summary>
internal sealed class EstimateJob(CheckRequest check, RefitJobs refit, Fleet fleet, QueueInfos queues)
{
    public static async Task<Results<Ok<JobEstimate>, ProblemResult>> HandleAsync(
        HttpContext http, ClaimsPrincipal user, EstimateJob estimate, CancellationToken ct)
    {
        var errors = new ErrorList();
        var request = await RequestReader.ReadAsync(http, errors, imageRequired: false);
        return TypedResults.Ok(await estimate.EstimateAsync(request, user, errors, ct));
    }

    private async Task<JobEstimate> EstimateAsync(JobRequest request, ClaimsPrincipal user, ErrorList errors, CancellationToken ct)
    {
        // 1. The same checks as for a submit.
        var found = await check.CheckAsync(request, user, errors, ct);

        // 2. Who could take it, by the tables.
        var question = FitQuestion.Of(found.Settings, request.Fit);
        var (lane, needed) = await refit.FindLaneAsync(found.Model.Name, question, ct);
        var job = new FitCase { Model = found.Model.Name, Lane = lane, NeededBytes = needed, Question = question };
        var opinion = FitJudge.Judge(await fleet.ReadAsync(ct), job);
        var classes = ToClasses(opinion, found, question);

        // 3. Where it would stand.
        var queue = await queues.ForecastAsync(user.TenantId(), job, found.Priority, opinion, classes.Min(alike => alike.Seconds), ct);
        return new JobEstimate
        {
            Model = found.Model.Name,
            Valid = true,
            Requested = request.Settings,
            Applied = found.Settings,
            Warnings = found.Warnings,
            Workers = classes,
            WhyNot = opinion.WhyNot,
            Queue = queue,
        };
    }

    private static IReadOnlyList<EstimateClass> ToClasses(FitOpinion opinion, CheckedRequest found, FitQuestion? question) =>
    [
        .. opinion.Able
            .Select(able => ToClass(able, found, question))
            .GroupBy(one => JsonSerializer.Serialize(one, I2VJson.Options))
            .Select(alike => alike.First() with { Count = alike.Count() })
            .OrderBy(alike => alike.Seconds ?? double.MaxValue).ThenBy(alike => alike.Device, StringComparer.Ordinal),
    ];

    private static EstimateClass ToClass(AbleWorker able, CheckedRequest found, FitQuestion? question)
    {
        var device = able.Worker.Device.Name;
        if (able.Verdict.Row is not { } row || question is null)
        {
            return new EstimateClass { Device = device, Count = 1, Fit = "unknown" };
        }

        var film = FitTable.Applied(row, found.Model.Limits, question);
        var degradations = row.Degradations.Where(step => Concerns(step, film, question)).ToArray();
        var isExact = row.Exact || (degradations.Length == 0 && row.Degradations.Count > 0 && film == question.Film);
        return new EstimateClass
        {
            Device = device,
            Count = 1,
            Fit = isExact ? "exact" : "degraded",
            Basis = new EstimateBasis(row.Width, row.Height, row.NumFrames),
            Rung = row.Rung,
            Techniques = row.Techniques,
            Applied = found.Settings with { Width = film.Width, Height = film.Height, NumFrames = film.Frames },
            Degradations = degradations,
            PeakBytes = row.PeakBytes,
            Seconds = Seconds(row, question.Steps),
            Exact = isExact,
            Measured = row.Measured,
        };
    }

    /// <summary>A row for a larger film may cut what this one does not have.</summary>
    private static bool Concerns(Degradation step, FilmExtent film, FitQuestion asked) => step.Field switch
    {
        "num_frames" => film.Frames != asked.Frames,
        "width" or "height" or "size" or "resolution" => (film.Width, film.Height) != (asked.Width, asked.Height),
        _ => true,
    };

    private static double? Seconds(FitRow row, int? steps) => row is { Seconds: { } seconds, SecondsPerStep: { } each, Steps: { } usual } && steps is { } asked
        ? Math.Round(Math.Max(each, seconds + ((asked - usual) * each)), 2)
        : row.Seconds;
}
