using I2V.Gateway.Errors;
using I2V.Protocol.Errors;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace I2V.Gateway.OpenApi;

/// <summary>The document at <c>/openapi.json</c>: made of the routes, with what their signatures cannot say added here.</summary>
internal static class ApiDocument
{
    private const string DocumentName = "v1";
    private const string KeyScheme = "ApiKey";

    public static IServiceCollection AddApiDocument(this IServiceCollection services) => services.AddOpenApi(DocumentName, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer(Describe);
        options.AddOperationTransformer(DescribeAsync);
    });

    public static void MapApiDocument(this IEndpointRouteBuilder routes) =>
        routes.MapOpenApi("/openapi.json").AllowAnonymous();

    /// <summary>Says which refusals an address has besides those that every address has.</summary>
    public static RouteHandlerBuilder Refuses(this RouteHandlerBuilder route, params int[] statuses)
    {
        foreach (var status in statuses)
        {
            route.Produces<Problem>(status, ProblemResult.ContentType);
        }

        return route;
    }

    private static Task Describe(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken ct)
    {
        document.Info = new OpenApiInfo
        {
            Title = "I2V.Distributed",
            Version = DocumentName,
            Description = "Send an image, get a video. Errors are application/problem+json with a code; every answer carries X-Request-Id.",
        };

        // The address that it was asked under is right for everybody who asks; a list of servers would only age.
        document.Servers?.Clear();
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[KeyScheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            BearerFormat = "i2v_live_…",
            Description = "An API key. X-API-Key is read too.",
        };
        return Task.CompletedTask;
    }

    private static async Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<Microsoft.AspNetCore.Authorization.IAuthorizeData>().Any())
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, context.Document)] = [] }];
            await AddRefusalsAsync(operation, context, ct);
            await LimitDetails.AddAsync(operation, context, ct);
        }

        foreach (var parameter in OperationDetails.Parameters(operation.OperationId))
        {
            operation.Parameters ??= [];
            operation.Parameters = [.. operation.Parameters.Where(known => known.Name != parameter.Name), parameter];
        }

        foreach (var (status, header) in OperationDetails.Headers(operation.OperationId))
        {
            if (operation.Responses?.GetValueOrDefault(status) is OpenApiResponse response)
            {
                response.Headers ??= new Dictionary<string, IOpenApiHeader>();
                response.Headers[header.Name] = header.Header;
            }
        }

        if (operation.OperationId is "SubmitJob" or "EstimateJob")
        {
            operation.RequestBody = SubmitBody.Describe(imageRequired: operation.OperationId == "SubmitJob");
        }
    }

    private static async Task AddRefusalsAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        operation.Responses ??= [];
        var schema = await context.GetOrCreateSchemaAsync(typeof(Problem), cancellationToken: ct);
        foreach (var (status, meaning) in new[] { ("401", "The API key is missing or not valid."), ("403", "The API key lacks the scope.") })
        {
            operation.Responses.TryAdd(status, new OpenApiResponse
            {
                Description = meaning,
                Content = new Dictionary<string, OpenApiMediaType> { [ProblemResult.ContentType] = new() { Schema = schema } },
            });
        }
    }
}
