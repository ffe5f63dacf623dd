using System.Security.Claims;
using I2V.Gateway.Access;
using I2V.Gateway.Database;
using I2V.Gateway.Errors;
using I2V.Protocol.Jobs;
using Microsoft.EntityFrameworkCore;

namespace I2V.Gateway.Jobs;

/// <summary>Finds a tenant's job. Another tenant's job, a malformed id and one that never was look the same: null.</summary>
internal sealed class JobReader(JobsDb db)
{
    public async Task<JobRow?> FindAsync(string id, ClaimsPrincipal user, CancellationToken ct) =>
        JobId.TryParse(id, out var guid) ? await FindAsync(guid, user.TenantId(), ct) : null;

    public Task<JobRow?> FindAsync(Guid id, Guid tenant, CancellationToken ct) =>
        db.Jobs.SingleOrDefaultAsync(job => job.Id == id && job.TenantId == tenant, ct);

    public static ProblemResult NotFound() => Problems.NotFound("There is no job with this id.");
}
