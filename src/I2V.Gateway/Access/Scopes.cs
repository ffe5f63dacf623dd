namespace I2V.Gateway.Access;

/// <summary>What a key may do; each is the name of an authorization policy too.</summary>
internal static class Scopes
{
    public const string JobsRead = "jobs:read";
    public const string JobsWrite = "jobs:write";
    public const string Worker = "worker";
    public const string Admin = "admin";

    public static IReadOnlyList<string> All { get; } = [JobsRead, JobsWrite, Worker, Admin];
}
