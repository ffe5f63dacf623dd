using System.Linq.Expressions;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace I2V.Gateway.Database;

/// <summary>Postgres for reading. Writes that decide something are SQL, in the classes that own them.</summary>
internal sealed class JobsDb(DbContextOptions<JobsDb> options) : DbContext(options)
{
    public DbSet<TenantRow> Tenants => Set<TenantRow>();

    public DbSet<ApiKeyRow> ApiKeys => Set<ApiKeyRow>();

    public DbSet<WorkerRow> Workers => Set<WorkerRow>();

    public DbSet<JobRow> Jobs => Set<JobRow>();

    public DbSet<AttemptRow> Attempts => Set<AttemptRow>();

    public DbSet<EventRow> Events => Set<EventRow>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<TenantRow>(row =>
        {
            row.ToTable("tenants");
            row.Property(x => x.MaxPriority).HasConversion<short>();
        });
        modelBuilder.Entity<ApiKeyRow>().ToTable("api_keys");
        modelBuilder.Entity<WorkerRow>(row =>
        {
            row.ToTable("workers");
            Json(row, x => x.Device);
            Json(row, x => x.Models);
        });
        modelBuilder.Entity<JobRow>(MapJob);
        modelBuilder.Entity<AttemptRow>(row =>
        {
            row.ToTable("job_attempts").HasKey(x => new { x.JobId, x.Attempt });
            Json(row, x => x.Device);
            Json(row, x => x.Progress);
        });
        modelBuilder.Entity<EventRow>(row =>
        {
            row.ToTable("job_events").HasKey(x => new { x.JobId, x.Seq });
            Json(row, x => x.Data);
        });

        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(entity => entity.GetProperties()))
        {
            property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
        }
    }

    private static void MapJob(EntityTypeBuilder<JobRow> row)
    {
        row.ToTable("jobs");
        row.Property(x => x.Priority).HasConversion<short>();
        row.Property(x => x.State).HasConversion(
            status => JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString()),
            text => Enum.Parse<JobStatus>(text, ignoreCase: true));
        Json(row, x => x.Requested);
        Json(row, x => x.Webhook);
        Json(row, x => x.Spec);
        Json(row, x => x.Applied);
        Json(row, x => x.Degradations);
        Json(row, x => x.Warnings);
        Json(row, x => x.Progress);
        Json(row, x => x.Metrics);
        Json(row, x => x.Outputs);
        Json(row, x => x.Tags);
    }

    private static void Json<TRow, T>(EntityTypeBuilder<TRow> row, Expression<Func<TRow, T>> property)
        where TRow : class =>
        row.Property(property).HasColumnType("jsonb").HasConversion(
            value => JsonSerializer.Serialize(value, I2VJson.Options),
            text => JsonSerializer.Deserialize<T>(text, I2VJson.Options)!,
            // Rows are read only, so that the same object is the same value.
            new ValueComparer<T>((a, b) => ReferenceEquals(a, b), value => value == null ? 0 : value.GetHashCode(), value => value));
}
