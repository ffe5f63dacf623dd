using System.Security.Cryptography;
using System.Text.Json;
using I2V.Gateway.Database;
using I2V.Gateway.Storage;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;
using Microsoft.EntityFrameworkCore;

namespace I2V.Gateway.Jobs;

/// <summary>A job as it is told, and the tag under which a client may remember it.</summary>
internal sealed record JobView(JobObject Job, string ETag);

/// <summary>Makes job objects of rows, with links that work for whoever asked.</summary>
internal sealed class JobObjects(JobsDb db, QueueInfos queues, IObjectStore store, PublicUrl address, TimeProvider clock)
{
    public async Task<JobView> ToViewAsync(JobRow row, CancellationToken ct) => (await ToViewsAsync([row], ct))[0];

    /// <summary>In the order of the rows, with three queries however many they are.</summary>
    public async Task<IReadOnlyList<JobView>> ToViewsAsync(IReadOnlyCollection<JobRow> rows, CancellationToken ct)
    {
        var queued = await queues.ReadAsync([.. rows.Where(row => row.State == JobStatus.Queued).Select(row => row.Id)], ct);
        var attempts = await ReadAttemptsAsync(rows, ct);
        return [.. rows.Select(row => ToView(row, queued.GetValueOrDefault(row.Id), attempts.GetValueOrDefault(row.Id)))];
    }

    private async Task<IReadOnlyDictionary<Guid, AttemptRow>> ReadAttemptsAsync(IReadOnlyCollection<JobRow> rows, CancellationToken ct)
    {
        var started = rows.Where(row => row.Attempt > 0).ToDictionary(row => row.Id, row => row.Attempt);
        if (started.Count == 0)
        {
            return new Dictionary<Guid, AttemptRow>();
        }

        var attempts = await db.Attempts.Where(attempt => started.Keys.Contains(attempt.JobId)).ToListAsync(ct);
        return attempts.Where(attempt => attempt.Attempt == started[attempt.JobId]).ToDictionary(attempt => attempt.JobId);
    }

    private JobView ToView(JobRow row, QueueInfo? queue, AttemptRow? attempt)
    {
        var self = $"{address.Base}/v1/jobs/{JobId.Format(row.Id)}";
        var job = new JobObject
        {
            Id = JobId.Format(row.Id),
            Status = row.State,
            StatusReason = row.StatusReason ?? FindReason(row, queue),
            Model = row.Model,
            CreatedAt = row.CreatedAt,
            StartedAt = row.StartedAt,
            CompletedAt = row.FinishedAt,
            Requested = row.Requested,
            Applied = row.Applied ?? new AppliedSettings(row.Spec.Settings),
            Degradations = row.Degradations,
            Warnings = row.Warnings,
            Queue = queue,
            Progress = row.State == JobStatus.Running ? row.Progress : null,
            Attempt = attempt is null ? null : ToAttempt(row, attempt),
            Error = row.ErrorCode is { } code ? new JobError(code, row.ErrorMessage ?? "", ErrorCode.IsRetryable(code)) : null,
            Metrics = row.Metrics is { } metrics ? metrics with { QueueSeconds = metrics.QueueSeconds ?? QueueSeconds(row) } : null,
            Priority = row.Priority,
            RetryOf = row.RetryOf is { } origin ? JobId.Format(origin) : null,
            Tags = row.Tags,
            Urls = new JobUrls(self, self + "/events", self + "/cancel", self + "/content"),
        };
        return new JobView(job with { Output = ToOutput(row) }, ETag(job, row));
    }

    /// <summary>What follows from the time and from who is there, and is in no column.</summary>
    private string? FindReason(JobRow row, QueueInfo? queue) => row switch
    {
        { Outputs: not null } when row.OutputLifetime(clock.GetUtcNow()) is null => "output_expired",
        _ when queue?.FeasibleWorkers == 0 => "waiting_for_worker",
        _ => null,
    };

    private static AttemptInfo ToAttempt(JobRow row, AttemptRow attempt) => new()
    {
        Number = attempt.Attempt,
        Max = row.MaxFailures,
        Worker = attempt.WorkerName,
        Gpu = new GpuInfo(attempt.Device.Name, attempt.Device.MemoryTotalBytes),
    };

    private static double? QueueSeconds(JobRow row) =>
        row.StartedAt is { } started ? Math.Round((started - row.CreatedAt).TotalSeconds, 3) : null;

    private JobOutput? ToOutput(JobRow row)
    {
        if (row.Outputs is not { } outputs || row.OutputLifetime(clock.GetUtcNow()) is not { } lifetime)
        {
            return null;
        }

        return new JobOutput
        {
            Video = ToFile(outputs, "video", lifetime),
            Poster = ToFile(outputs, "poster", lifetime),
            Manifest = ToFile(outputs, "manifest", lifetime),
            Seed = row.Applied?.Seed ?? row.Spec.Settings.Seed,
        };
    }

    private OutputFile? ToFile(IReadOnlyList<StoredArtifact> outputs, string name, TimeSpan lifetime)
    {
        if (outputs.FirstOrDefault(output => output.File.Name == name) is not { } found)
        {
            return null;
        }

        var link = store.SignGet(found.Key, lifetime);
        return new OutputFile
        {
            Url = link.Url,
            ExpiresAt = link.ExpiresAt,
            ContentType = found.File.ContentType,
            Bytes = found.File.Bytes,
            Sha256 = found.File.Sha256,
            Width = found.File.Width,
            Height = found.File.Height,
            NumFrames = found.File.NumFrames,
            Fps = found.File.Fps,
            DurationSeconds = found.File.DurationSeconds,
        };
    }

    /// <summary>Leaves the links out, which differ each time, but changes well before they expire.</summary>
    private string ETag(JobObject job, JobRow row)
    {
        var window = row.Outputs is null ? 0 : clock.GetUtcNow().ToUnixTimeSeconds() / Math.Max(1, row.OutputExpiresIn / 2);
        var content = JsonSerializer.SerializeToUtf8Bytes(new { job, window, row.EventSeq }, I2VJson.Options);
        return $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16))}\"";
    }
}
