using I2V.Gateway.Errors;
using I2V.Gateway.Fit;
using I2V.Gateway.Scheduling;
using I2V.Protocol.Errors;
using I2V.Protocol.Workers;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Request = I2V.Protocol.Workers.RegisterWorker;

namespace I2V.Gateway.Workers;

/// <summary><c>POST /worker/v1/workers</c>: one process incarnation introduces itself and replaces the one before it on its device.</summary>
internal static partial class RegisterWorker
{
    private const int LongestName = 200;
    private const string LanePrefix = "i2v.lane.";

    public static async Task<Results<Created<WorkerRegistered>, ProblemResult>> HandleAsync(
        Request request, JobTransitions transitions, Fleet fleet, IOptions<SchedulingOptions> options, TimeProvider clock, ILogger<Request> log, CancellationToken ct)
    {
        ProblemItem[] problems = [.. FindProblems(request)];
        if (problems.Length > 0)
        {
            return Problems.Invalid(problems);
        }

        var id = Guid.CreateVersion7(clock.GetUtcNow());
        await transitions.RegisterWorkerAsync(new NewWorker(id, request), ct);
        fleet.Forget();
        LogRegistered(log, request.Name, id, request.Device.Name);

        return TypedResults.Created(
            $"/v1/workers/{id}",
            new WorkerRegistered
            {
                WorkerId = id,
                HeartbeatSeconds = options.Value.HeartbeatSeconds,
                LeaseSeconds = options.Value.LeaseSeconds,
            });
    }

    private static IEnumerable<ProblemItem> FindProblems(Request request)
    {
        if (request.Name.Length is 0 or > LongestName || request.Host.Length > LongestName)
        {
            yield return Item("/name", "name and host must have 1 to 200 characters.");
        }

        if (request.Device.Kind == DeviceKind.Unknown || request.Device.Id.Length is 0 or > LongestName)
        {
            yield return Item("/device", "device needs a kind (cpu, cuda or web_gpu) and an id that no other device has.");
        }

        if (request.Models.Count == 0 || request.Models.Any(model => model.Name.Length == 0))
        {
            yield return Item("/models", "models must name at least one model that the worker serves.");
        }

        if (request.Models.SelectMany(model => model.Fit).Any(row => row.Width <= 0 || row.Height <= 0 || row.NumFrames <= 0 || row.PeakBytes < 0))
        {
            yield return Item("/models", "a row of fit must have a width, a height and num_frames above 0, and peak_bytes of at least 0.");
        }

        if (request.Lanes.Count == 0 || request.Lanes.Any(lane => !lane.StartsWith(LanePrefix, StringComparison.Ordinal)))
        {
            yield return Item("/lanes", $"lanes must name at least one queue, and every name begins with {LanePrefix}");
        }
    }

    private static ProblemItem Item(string pointer, string detail) => new(pointer, ErrorCode.InvalidInput, detail);

    [LoggerMessage(4001, LogLevel.Information, "Worker {Name} is there as {WorkerId} on {Device}")]
    private static partial void LogRegistered(ILogger log, string name, Guid workerId, string device);
}
