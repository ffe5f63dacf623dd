using System.Text.RegularExpressions;
using I2V.Inference.Models;

namespace I2V.ModelBuilder.Checkpoints;

/// <summary>What a checkpoint folder says beside its networks: which family it is, its tokenizer, its picture preparation, its licence.</summary>
internal static partial class CheckpointFolder
{
    public const string ModelIndex = "model_index.json";

    private const string Pipeline = "I2VGenXLPipeline";

    private static readonly Dictionary<string, string> Components = new()
    {
        ["text_encoder"] = "CLIPTextModel",
        ["tokenizer"] = "CLIPTokenizer",
        ["image_encoder"] = "CLIPVisionModelWithProjection",
        ["unet"] = "I2VGenXLUNet",
        ["scheduler"] = "DDIMScheduler",
        ["vae"] = "AutoencoderKL",
    };

    /// <summary>Refuses a folder that is not a checkpoint of I2VGen-XL, and says what it is.</summary>
    public static void RequireI2VGenXl(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new CheckpointException($"{folder} is not a folder, and no family that random weights can be made for: name a checkpoint's folder, or i2vgen-xl with --random-weights.");
        }

        var index = ConfigFile.TryRead(folder, ModelIndex)
            ?? throw new CheckpointException($"{folder} is not a checkpoint: it has no {ModelIndex}. Name the folder that holds it beside unet, vae and the other components.");
        var found = index.Text("_class_name", "nothing");
        if (found != Pipeline)
        {
            throw new CheckpointException($"{folder} is a checkpoint for {found}; this version builds {Pipeline} (i2vgen-xl).");
        }

        foreach (var (component, wanted) in Components)
        {
            if (index.Texts(component) is not [_, var actual] || actual != wanted)
            {
                throw index.Refuse(component, wanted);
            }
        }
    }

    /// <summary><c>feature_extractor/preprocessor_config.json</c>; where it is missing, CLIP's own values and the encoder's size.</summary>
    public static ImageEncoderFacts ImageEncoder(string folder, int imageSize)
    {
        var file = ConfigFile.TryRead(folder, "feature_extractor/preprocessor_config.json");
        if (file is null)
        {
            return Clip(imageSize);
        }

        var clip = Clip(imageSize);
        var size = file.IsNumber("crop_size") ? file.Int("crop_size") : file.Object("crop_size") is { } crop ? Square(crop) : imageSize;
        if (size != imageSize)
        {
            throw file.Refuse("crop_size", FormattableString.Invariant($"{imageSize}, the image_size of image_encoder/config.json"));
        }

        return new ImageEncoderFacts(
            size,
            file.Has("image_mean") ? Three(file, "image_mean") : clip.Mean,
            file.Has("image_std") ? Three(file, "image_std") : clip.Std);
    }

    /// <summary>CLIP's picture preparation.</summary>
    public static ImageEncoderFacts Clip(int imageSize) => new(imageSize, [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]);

    /// <summary>The tokenizer's facts, and its files by their path in the package.</summary>
    public static (TokenizerFacts Facts, Dictionary<string, byte[]> Files) Tokenizer(string folder)
    {
        var config = ConfigFile.TryRead(folder, "tokenizer/tokenizer_config.json");
        var files = new Dictionary<string, byte[]>();
        foreach (var path in (string[])["tokenizer/vocab.json", "tokenizer/merges.txt"])
        {
            try
            {
                files[path] = File.ReadAllBytes(Path.Combine(folder, path));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException($"{Path.Combine(folder, path)} cannot be read: {error.Message}", error);
            }
        }

        // Some checkpoints say "as long as you like" with a number of thirty digits: the text encoder has 77 positions.
        var length = config is not null && config.Has("model_max_length") && config.Double("model_max_length") <= 77 ? config.Int("model_max_length") : 77;
        return (new TokenizerFacts("clip", "tokenizer/vocab.json", "tokenizer/merges.txt", length, Pad(config)), files);
    }

    /// <summary>Licence files of the checkpoint, by their path in the package.</summary>
    public static Dictionary<string, byte[]> LicenseFiles(string folder) => Directory.EnumerateFiles(folder)
        .Where(file => LicenseName().IsMatch(Path.GetFileName(file)))
        .ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);

    /// <summary>What the checkpoint's card says, or null.</summary>
    public static string? License(string folder)
    {
        var card = Path.Combine(folder, "README.md");
        if (!File.Exists(card) || File.ReadAllText(card).Split("---", 3) is not ["", var header, _])
        {
            return null;
        }

        return LicenseLine().Match(header) is { Success: true } match ? match.Groups[1].Value : null;
    }

    private static string Pad(ConfigFile? config)
    {
        const string end = "<|endoftext|>";
        return config is null ? end
            : config.Object("pad_token") is { } token ? token.Text("content")
            : config.Text("pad_token", end);
    }

    private static int Square(ConfigFile crop) =>
        crop.Int("height") == crop.Int("width") ? crop.Int("height") : throw crop.Refuse("width", "equal to height");

    private static IReadOnlyList<double> Three(ConfigFile file, string property) =>
        file.Doubles(property) is { Count: 3 } list ? list : throw file.Refuse(property, "a list of 3 numbers");

    [GeneratedRegex("^(LICENSE|LICENCE|NOTICE)([._-].*)?$", RegexOptions.IgnoreCase)]
    private static partial Regex LicenseName();

    [GeneratedRegex("^license:[ \t]*[\"']?([A-Za-z0-9][A-Za-z0-9.+-]*)", RegexOptions.Multiline)]
    private static partial Regex LicenseLine();
}
