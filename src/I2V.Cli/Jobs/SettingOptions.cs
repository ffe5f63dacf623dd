using System.CommandLine;
using System.Globalization;
using System.Numerics;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>The settings of a film, the same for <c>submit</c> and <c>render</c>. What is left out is the model's business.</summary>
internal sealed class SettingOptions
{
    private readonly Option<string?> prompt = Text("--prompt", "What should happen, such as \"slow zoom in\".", "TEXT", "-p");
    private readonly Option<string?> negativePrompt = Text("--negative-prompt", "What should not happen.", "TEXT");
    private readonly Option<int?> width = Number<int>("--width", "Pixels. Default: the photo's aspect ratio is kept.", "N");
    private readonly Option<int?> height = Number<int>("--height", "Pixels. Default: the photo's aspect ratio is kept.", "N");
    private readonly Option<int?> frames = Number<int>("--frames", "Number of frames.", "N");
    private readonly Option<int?> fps = Number<int>("--fps", "Frames per second.", "N");
    private readonly Option<int?> steps = Number<int>("--steps", "Denoising steps, for models that denoise.", "N");
    private readonly Option<double?> guidanceScale = Number<double>("--guidance-scale", "How closely to follow the prompt, for models that denoise.", "X");
    private readonly Option<long?> seed = Number<long>("--seed", "The same seed and settings give the same film. Default: drawn.", "N");
    private readonly Option<double?> motionAmount = Number<double>("--motion-amount", "How far the camera goes, 0 … 1.", "X");
    private readonly Option<string?> preset = Text("--preset", "draft, standard or final, where the model has them.", "NAME");

    public static Argument<FileInfo> Photo()
    {
        var photo = new Argument<FileInfo>("PHOTO") { Description = "A PNG, JPEG or WebP." };
        photo.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<FileInfo>() is { Exists: false } missing)
            {
                result.AddError(Directory.Exists(missing.FullName) ? $"{missing} is a folder; name a picture." : $"There is no file {missing}.");
            }
        });
        return photo;
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[prompt, negativePrompt, width, height, frames, fps, steps, guidanceScale, seed, motionAmount, preset])
        {
            command.Add(option);
        }
    }

    public JobSettings Read(ParseResult parsed) => new()
    {
        Prompt = parsed.GetValue(prompt),
        NegativePrompt = parsed.GetValue(negativePrompt),
        Width = parsed.GetValue(width),
        Height = parsed.GetValue(height),
        NumFrames = parsed.GetValue(frames),
        Fps = parsed.GetValue(fps),
        Steps = parsed.GetValue(steps),
        GuidanceScale = parsed.GetValue(guidanceScale),
        Seed = parsed.GetValue(seed),
        MotionAmount = parsed.GetValue(motionAmount),
        Preset = parsed.GetValue(preset),
    };

    private static Option<string?> Text(string name, string description, string helpName, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = helpName };

    /// <summary>Says in words what a number that cannot be read, or is too small, should have been.</summary>
    internal static Option<T?> Number<T>(string name, string description, string helpName, T? least = null)
        where T : struct, INumber<T> => new(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = result =>
            {
                var text = result.Tokens.Count > 0 ? result.Tokens[^1].Value : "";
                if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && T.IsFinite(number))
                {
                    if (number < least)
                    {
                        result.AddError($"{name} must be at least {least}.");
                    }

                    return number;
                }

                result.AddError($"{name} must be a {(typeof(T) == typeof(double) ? "number" : "whole number")}; '{text}' is not one.");
                return null;
            },
        };
}
