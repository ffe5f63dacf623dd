using System.Text.RegularExpressions;
using I2V.Gateway.Webhooks;
using I2V.Protocol.Jobs;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Turns the raw members into a <see cref="JobRequest"/>: names, types and bounds that hold for every model.</summary>
internal sealed partial class RequestBinder(ErrorList errors, bool imageRequired = true)
{
    public const int MaxPromptCharacters = 4_000;

    public const int MinPriority = -10;

    public const int MaxPriority = 10;

    public const long MaxSeed = (1L << 53) - 1;

    /// <summary>Names of <c>input</c> that a form carries flat.</summary>
    public static IReadOnlyList<string> InputNames { get; } =
    [
        "prompt", "negative_prompt", "width", "height", "num_frames", "fps", "steps", "guidance_scale", "seed", "preset", "motion_amount",
    ];

    /// <summary>Names outside <c>input</c> that a form carries flat.</summary>
    public static IReadOnlyList<string> TopNames { get; } = ["model", "priority", "speed"];

    /// <param name="root">The request.</param>
    /// <param name="imagePart">The form's picture, or null where there is none or the request is no form.</param>
    public JobRequest Bind(RawObject root, ReadOnlyMemory<byte>? imagePart)
    {
        var top = new Fields(root, errors);
        var model = top.Text("model", maxCharacters: 128, minCharacters: 1);
        var input = top.Object("input") ?? new Fields(new RawObject("/input"), errors);
        var settings = BindSettings(input);
        var image = new ImageBinder(errors, imageRequired).Bind(input, imagePart);
        input.Close();

        var request = new JobRequest
        {
            Model = model,
            Settings = settings,
            Image = image,
            Fit = BindFit(top.Object("fit")),
            Priority = top.Integer("priority", MinPriority, MaxPriority),
            Speed = top.OneOf("speed", "exact", "fast") ?? "exact",
            Tags = top.Object("tags") is { } tags ? BindTags(tags, errors) : new Dictionary<string, string>(),
            Output = BindOutput(top.Object("output")),
            Webhook = BindWebhook(top.Object("webhook")),
        };
        top.Close();
        return request;
    }

    private static JobSettings BindSettings(Fields input) => new()
    {
        Prompt = input.Text("prompt", MaxPromptCharacters),
        NegativePrompt = input.Text("negative_prompt", MaxPromptCharacters),
        Width = input.Integer("width"),
        Height = input.Integer("height"),
        NumFrames = input.Integer("num_frames"),
        Fps = input.Integer("fps"),
        Steps = input.Integer("steps"),
        GuidanceScale = input.Number("guidance_scale"),
        Seed = input.Long("seed", 0, MaxSeed),
        Preset = input.Text("preset", maxCharacters: 64, minCharacters: 1),
        MotionAmount = input.Number("motion_amount"),
    };

    private static JobFit BindFit(Fields? fit)
    {
        if (fit is null)
        {
            return new JobFit();
        }

        var result = new JobFit
        {
            Policy = fit.OneOf("policy", "degrade", "wait", "fail") switch
            {
                "wait" => FitPolicy.Wait,
                "fail" => FitPolicy.Fail,
                _ => FitPolicy.Degrade,
            },
            MinWidth = fit.Integer("min_width", 1, 1 << 16),
            MinHeight = fit.Integer("min_height", 1, 1 << 16),
            MinFrames = fit.Integer("min_frames", 1, 10_000),
        };
        fit.Close();
        return result;
    }

    /// <summary>The same rules wherever tags are given.</summary>
    public static Dictionary<string, string> BindTags(Fields tags, ErrorList errors)
    {
        const int most = 16;
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        var names = tags.Names.ToArray();
        if (names.Length > most)
        {
            errors.Add(tags.Pointer, $"Has {names.Length} tags; may have at most {most}.");
            return result;
        }

        foreach (var name in names)
        {
            if (!TagName().IsMatch(name))
            {
                errors.Add(tags.At(name), "A tag's name has 1 to 64 letters, digits, dots, dashes or underscores.");
            }
            else if (tags.Text(name, maxCharacters: 256) is { } value)
            {
                result[name] = value;
            }
        }

        return result;
    }

    private static JobOutputOptions BindOutput(Fields? output)
    {
        if (output is null)
        {
            return new JobOutputOptions();
        }

        var usual = new JobOutputOptions();
        var result = new JobOutputOptions
        {
            Format = output.OneOf("format", "mp4") ?? usual.Format,
            ExpiresIn = output.Integer("expires_in", 60, 604_800) ?? usual.ExpiresIn,
        };
        output.Close();
        return result;
    }

    /// <summary>Whether the address may be sent to is the operator's word and checked with the rest of the request.</summary>
    private JobWebhook? BindWebhook(Fields? webhook)
    {
        if (webhook is null)
        {
            return null;
        }

        var url = webhook.Text("url", WebhookUrl.MaxCharacters, minCharacters: 1);
        var events = webhook.Texts("events", WebhookEvents.All) ?? WebhookEvents.All;
        webhook.Close();
        if (url is null && !errors.Has(webhook.At("url")))
        {
            errors.Add(webhook.At("url"), "An address is required, such as https://example.com/hooks.");
        }

        return new JobWebhook(url ?? "", events);
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex TagName();
}
