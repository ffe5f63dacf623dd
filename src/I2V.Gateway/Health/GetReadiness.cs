namespace I2V.Gateway.Health;

/// <summary><c>GET /health/ready</c>: 200 when a submitted job can be accepted, else 503; the body says what is missing.</summary>
internal static class GetReadiness
{
    public static async Task<IResult> HandleAsync(Readiness readiness, CancellationToken ct)
    {
        var report = await readiness.CheckAsync(ct);
        return TypedResults.Json(report, statusCode: report.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}

/// <param name="Status"><c>ready</c> or <c>not_ready</c>.</param>
/// <param name="Checks">By name. Those that are not required decide nothing.</param>
internal sealed record ReadinessReport(string Status, IReadOnlyDictionary<string, Check> Checks)
{
    internal bool IsReady => Status == "ready";
}

/// <param name="Ok">Whether it is as it should be.</param>
/// <param name="Required">Whether the gateway is not ready without it.</param>
/// <param name="Detail">What was found.</param>
internal sealed record Check(bool Ok, bool Required, string Detail);
