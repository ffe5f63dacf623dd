using Microsoft.OpenApi;

namespace I2V.Gateway.OpenApi;

/// <summary>Parameters and headers that handlers read by themselves, because they answer a wrong one with a sentence.</summary>
internal static class OperationDetails
{
    public static IEnumerable<OpenApiParameter> Parameters(string? operation) => operation switch
    {
        "SubmitJob" or "RetryJob" or "FinalizeJob" =>
        [
            Header("Prefer", JsonSchemaType.String, "wait=N, up to 60: answers when the job has ended or after N seconds."),
            Header("Idempotency-Key", JsonSchemaType.String, "1 to 255 characters, kept for 24 hours: the same request again gets the same job, another request 422."),
            Header("Cancel-After", JsonSchemaType.String, "The job's whole time, such as 90s, 10m or 2h."),
            Header("X-Start-Timeout", JsonSchemaType.String, "Seconds in which it must start, else it expires."),
        ],
        "ListJobs" =>
        [
            Query("status", JsonSchemaType.String, "One or more of queued, running, held, succeeded, failed, canceled, expired, with commas."),
            Query("model", JsonSchemaType.String, "Only jobs of this model."),
            Query("tag", JsonSchemaType.String, "A tag's name, or name:value."),
            Query("limit", JsonSchemaType.Integer, "1 to 100; default 20."),
            Query("cursor", JsonSchemaType.String, "next_cursor of the page before."),
        ],
        "GetJob" =>
        [
            Query("wait", JsonSchemaType.Integer, "Up to 60 seconds: answers when the job has ended or, with If-None-Match, when it has changed."),
            Header("If-None-Match", JsonSchemaType.String, "The ETag that was seen; 304 when it is still so."),
        ],
        "JobEvents" => [Header("Last-Event-ID", JsonSchemaType.Integer, "The last event that was seen; what follows it is sent. 204 when that was the end.")],
        "GetContent" => [Query("variant", JsonSchemaType.String, "video (default), poster, preview or manifest.")],
        "ListWebhookDeliveries" =>
        [
            Query("status", JsonSchemaType.String, "pending, delivered or failed."),
            Query("job", JsonSchemaType.String, "Only deliveries about this job."),
            Query("endpoint", JsonSchemaType.String, "Only deliveries to this endpoint."),
            Query("limit", JsonSchemaType.Integer, "1 to 100; default 20."),
            Query("cursor", JsonSchemaType.String, "next_cursor of the page before."),
        ],
        _ => [],
    };

    public static IEnumerable<(string Status, (string Name, OpenApiHeader Header) Header)> Headers(string? operation) => operation switch
    {
        "SubmitJob" or "RetryJob" or "FinalizeJob" =>
        [
            ("202", Answer("Location", "The job's address.")),
            ("202", Answer("Retry-After", "Seconds after which asking again makes sense.")),
            ("202", Answer("Idempotent-Replayed", "true when an earlier request with this key made the job.")),
            ("429", Answer("Retry-After", "Seconds.")),
            ("503", Answer("Retry-After", "Seconds.")),
        ],
        "GetJob" => [("200", Answer("ETag", "Changes with the job."))],
        "GetContent" => [("302", Answer("Location", "A signed link to the file, for a limited time."))],
        _ => [],
    };

    private static OpenApiParameter Header(string name, JsonSchemaType type, string description) => Parameter(ParameterLocation.Header, name, type, description);

    private static OpenApiParameter Query(string name, JsonSchemaType type, string description) => Parameter(ParameterLocation.Query, name, type, description);

    private static OpenApiParameter Parameter(ParameterLocation place, string name, JsonSchemaType type, string description) =>
        new() { Name = name, In = place, Description = description, Schema = new OpenApiSchema { Type = type } };

    private static (string Name, OpenApiHeader Header) Answer(string name, string description) =>
        (name, new OpenApiHeader { Description = description, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
}
