using System.Security.Claims;
using System.Text.Json;
using I2V.Gateway.Access;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Gateway.Jobs.Intake;
using I2V.Protocol.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace I2V.Gateway.Jobs;

/// <summary><c>GET /v1/jobs</c>: newest first, a page at a time.</summary>
internal static class ListJobs
{
    public static async Task<Results<Ok<JobList>, ProblemResult>> HandleAsync(
        HttpContext http, ClaimsPrincipal user, JobsDb db, JobObjects objects, CancellationToken ct)
    {
        var query = Query.Read(http.Request.Query);
        var rows = await Select(db, user.TenantId(), query).Take(query.Limit + 1).ToListAsync(ct);
        var hasMore = rows.Count > query.Limit;
        var page = hasMore ? rows[..query.Limit] : rows;
        return TypedResults.Ok(new JobList
        {
            Data = [.. (await objects.ToViewsAsync(page, ct)).Select(view => view.Job)],
            HasMore = hasMore,
            NextCursor = hasMore ? JobCursor.Write(page[^1].Id) : null,
        });
    }

    private static IQueryable<JobRow> Select(JobsDb db, Guid tenant, Query query)
    {
        var rows = query.Tag switch
        {
            null => db.Jobs,
            { Value: null } tag => db.Jobs.FromSql($"select * from jobs where jsonb_exists(tags, {tag.Name})"),
            var tag => db.Jobs.FromSql($"select * from jobs where tags @> {TagJson(tag)}::jsonb"),
        };
        rows = rows.Where(job => job.TenantId == tenant);
        if (query.Status.Count > 0)
        {
            rows = rows.Where(job => query.Status.Contains(job.State));
        }

        if (query.Model is { } model)
        {
            rows = rows.Where(job => job.Model == model);
        }

        if (query.After is { } after)
        {
            rows = rows.Where(job => job.Id < after);
        }

        return rows.OrderByDescending(job => job.Id);
    }

    private static string TagJson(TagFilter tag) => JsonSerializer.Serialize(new Dictionary<string, string> { [tag.Name] = tag.Value! });

    private sealed record TagFilter(string Name, string? Value);

    private sealed record Query(IReadOnlyList<JobStatus> Status, string? Model, TagFilter? Tag, int Limit, Guid? After)
    {
        private static readonly string[] Known = ["status", "model", "tag", "limit", "cursor"];

        /// <exception cref="RefusedException">400 with everything that is wrong.</exception>
        public static Query Read(IQueryCollection values)
        {
            var errors = new ErrorList();
            Paging.RefuseUnknown(values, Known, errors);
            var query = new Query(
                ReadStatus(values["status"], errors),
                Paging.Last(values["model"]),
                ReadTag(Paging.Last(values["tag"]), errors),
                Paging.ReadLimit(values, errors),
                Paging.ReadCursor(values, errors));
            errors.ThrowIfAny();
            return query;
        }

        private static List<JobStatus> ReadStatus(IEnumerable<string?> values, ErrorList errors)
        {
            List<JobStatus> result = [];
            foreach (var name in values.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries)))
            {
                var known = Enum.GetValues<JobStatus>().Where(status => status != JobStatus.Unknown).ToArray();
                var match = known.FirstOrDefault(status => JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString()) == name);
                if (match == JobStatus.Unknown)
                {
                    var names = known.Select(status => JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString()));
                    errors.Add("/status", $"Must be one of {string.Join(", ", names)}.");
                    break;
                }

                result.Add(match);
            }

            return result;
        }

        private static TagFilter? ReadTag(string? text, ErrorList errors)
        {
            if (text is null)
            {
                return null;
            }

            if (text.Contains('\0') || text[0] == ':')
            {
                errors.Add("/tag", "Must be a tag's name, or name:value.");
                return null;
            }

            var colon = text.IndexOf(':');
            return colon < 0 ? new TagFilter(text, null) : new TagFilter(text[..colon], text[(colon + 1)..]);
        }
    }
}
