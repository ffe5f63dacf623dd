using I2V.Gateway.Errors;
using I2V.Gateway.Limits;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace I2V.Gateway.OpenApi;

/// <summary>What <see cref="LimitRequests"/> adds to every call under <c>/v1</c>.</summary>
internal static class LimitDetails
{
    public static async Task AddAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        if (context.Description.RelativePath?.StartsWith("v1/", StringComparison.Ordinal) != true)
        {
            return;
        }

        operation.Responses ??= [];
        operation.Responses.TryAdd("429", new OpenApiResponse
        {
            Description = "More requests than the tenant or the key may make in a minute.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [ProblemResult.ContentType] = new() { Schema = await context.GetOrCreateSchemaAsync(typeof(Problem), cancellationToken: ct) },
            },
        });
        foreach (var (status, response) in operation.Responses)
        {
            if (response is OpenApiResponse told && (status[0] is '2' or '3' || status == "429"))
            {
                told.Headers ??= new Dictionary<string, IOpenApiHeader>();
                told.Headers[LimitRequests.LimitHeader] = Whole("Requests that the tenant, or the key where it has fewer, may make in a minute; absent without a limit.");
                told.Headers[LimitRequests.RemainingHeader] = Whole("What is left of them.");
                told.Headers[LimitRequests.ResetHeader] = Whole("Seconds until all of them may be made again.");
                if (status == "429")
                {
                    told.Headers["Retry-After"] = Whole("Seconds.");
                }
            }
        }
    }

    private static OpenApiHeader Whole(string description) =>
        new() { Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.Integer } };
}
