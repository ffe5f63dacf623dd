namespace I2V.Gateway.Storage;

/// <summary>
/// Names every object that a job has. They are made of our own identifiers only, and each attempt writes below its own
/// number, so that a worker that lost its lease cannot touch what the next one stores.
/// </summary>
internal static class ArtifactKeys
{
    /// <summary>Everything of a tenant, for <see cref="IObjectStore.ListAsync"/>.</summary>
    public static string Tenant(Guid tenant) => $"t/{tenant:N}/";

    /// <summary>Everything of a job, for <see cref="ObjectStoreExtensions.DeletePrefixAsync"/>.</summary>
    public static string Job(Guid tenant, Guid job) => $"{Tenant(tenant)}j/{job:N}/";

    /// <summary>The normalised picture.</summary>
    public static string Input(Guid tenant, Guid job) => Job(tenant, job) + "input.png";

    /// <summary>Everything that one attempt wrote.</summary>
    public static string Attempt(Guid tenant, Guid job, int attempt) => FormattableString.Invariant($"{Job(tenant, job)}a{attempt}/");

    public static string Video(Guid tenant, Guid job, int attempt) => Attempt(tenant, job, attempt) + "video.mp4";

    public static string Poster(Guid tenant, Guid job, int attempt) => Attempt(tenant, job, attempt) + "poster.jpg";

    public static string Manifest(Guid tenant, Guid job, int attempt) => Attempt(tenant, job, attempt) + "manifest.json";

    /// <summary>A picture that a client sends ahead of its job.</summary>
    public static string Upload(Guid tenant, Guid upload) => $"{Tenant(tenant)}u/{upload:N}";
}
