using System.Globalization;
using I2V.Gateway.Jobs.Intake;
using I2V.Gateway.Webhooks;
using Microsoft.OpenApi;

namespace I2V.Gateway.OpenApi;

/// <summary>The body of a submit in both its forms, which no parameter list of a handler could describe.</summary>
internal static class SubmitBody
{
    public static OpenApiRequestBody Describe(bool imageRequired) => new()
    {
        Required = true,
        Description = imageRequired
            ? "Only the image is required; the rest has the model's defaults (see /v1/models)."
            : "As for a submit. The image may be left out when width and height are given.",
        Content = new Dictionary<string, OpenApiMediaType>
        {
            ["multipart/form-data"] = new() { Schema = Form(imageRequired) },
            ["application/json"] = new() { Schema = Json(imageRequired) },
        },
    };

    private static OpenApiSchema Form(bool imageRequired)
    {
        string[] required = imageRequired ? ["image"] : [];
        var form = Object(new() { ["image"] = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary", Description = "PNG, JPEG or WebP, up to 20 MiB and 33 megapixels." } }, required);
        foreach (var (name, schema) in Settings().Concat(Top()))
        {
            form.Properties![name] = schema;
        }

        form.Properties!["request"] = Text("The whole request as JSON instead of fields, but for the image.");
        return form;
    }

    private static OpenApiSchema Json(bool imageRequired)
    {
        string[] required = imageRequired ? ["image"] : [];
        var image = Object(new()
        {
            ["url"] = Text("An https address on the public internet."),
            ["data_url"] = Text("data:image/jpeg;base64,…"),
        });
        image.Description = "One of url and data_url.";
        var input = Settings();
        input["image"] = image;
        var request = Top();
        request["input"] = Object(input, required);
        request["fit"] = Object(new()
        {
            ["policy"] = OneOf("What may be done when the card is too small.", "degrade", "wait", "fail"),
            ["min_width"] = Whole("Floor for degrade."),
            ["min_height"] = Whole("Floor for degrade."),
            ["min_frames"] = Whole("Floor for degrade."),
        });
        request["tags"] = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            MaxProperties = 16,
            AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String, MaxLength = 256 },
        };
        request["output"] = Object(new()
        {
            ["format"] = OneOf("Only mp4.", "mp4"),
            ["expires_in"] = Whole("Seconds from the job's end that its film is kept; then output is null and content answers 410.", 60, 604_800),
        });
        request["webhook"] = Object(
            new()
            {
                ["url"] = Text("An https address that is told when this job ends, signed with the secret of the endpoint default.", WebhookUrl.MaxCharacters),
                ["events"] = new OpenApiSchema
                {
                    Type = JsonSchemaType.Array,
                    UniqueItems = true,
                    MinItems = 1,
                    Items = OneOf("All four when absent.", [.. WebhookEvents.All]),
                },
            },
            "url");
        return Object(request, "input");
    }

    private static Dictionary<string, IOpenApiSchema> Top() => new()
    {
        ["model"] = Text("A model's id."),
        ["priority"] = Whole("Higher runs first. A tenant may have less.", RequestBinder.MinPriority, RequestBinder.MaxPriority),
        ["speed"] = OneOf("fast may change the picture a little.", "exact", "fast"),
    };

    private static Dictionary<string, IOpenApiSchema> Settings() => new()
    {
        ["prompt"] = Text("What should happen.", RequestBinder.MaxPromptCharacters),
        ["negative_prompt"] = Text("What should not.", RequestBinder.MaxPromptCharacters),
        ["width"] = Whole("Pixels; the other side follows when only one is given, both follow the photo when none is."),
        ["height"] = Whole("Pixels."),
        ["num_frames"] = Whole("Frames, by the model's rule."),
        ["fps"] = Whole("Frames per second."),
        ["steps"] = Whole("Denoising steps."),
        ["guidance_scale"] = Number("How closely the prompt is followed."),
        ["seed"] = Whole("The same seed gives the same film; drawn when absent.", 0, RequestBinder.MaxSeed),
        ["preset"] = Text("A preset of the model."),
        ["motion_amount"] = Number("How far the camera goes, 0 to 1."),
    };

    private static OpenApiSchema Object(Dictionary<string, IOpenApiSchema> properties, params string[] required) => new()
    {
        Type = JsonSchemaType.Object,
        Properties = properties,
        Required = new HashSet<string>(required),
        AdditionalPropertiesAllowed = false,
    };

    private static OpenApiSchema Text(string description, int? maxLength = null) =>
        new() { Type = JsonSchemaType.String, Description = description, MaxLength = maxLength };

    private static OpenApiSchema Number(string description) => new() { Type = JsonSchemaType.Number, Description = description };

    private static OpenApiSchema Whole(string description, long? min = null, long? max = null) => new()
    {
        Type = JsonSchemaType.Integer,
        Description = description,
        Minimum = min?.ToString(CultureInfo.InvariantCulture),
        Maximum = max?.ToString(CultureInfo.InvariantCulture),
    };

    private static OpenApiSchema OneOf(string description, params string[] values) =>
        new() { Type = JsonSchemaType.String, Description = description, Enum = [.. values.Select(value => System.Text.Json.Nodes.JsonValue.Create(value))] };
}
