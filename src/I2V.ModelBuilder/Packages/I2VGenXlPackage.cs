using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Weights;

namespace I2V.ModelBuilder.Packages;

/// <summary>How a package is wanted.</summary>
public sealed record PackageSettings
{
    /// <summary>What users ask for.</summary>
    public string Name { get; init; } = I2VGenXlPackage.Family;

    public required Target Target { get; init; }

    /// <summary><see cref="TensorElementType.Float"/> or <see cref="TensorElementType.Float16"/>; fused graphs are only made in the latter.</summary>
    public required TensorElementType Precision { get; init; }

    /// <summary>Adds a denoiser with 8-bit matrices (the variant <c>int8</c>) to the package.</summary>
    public bool EightBit { get; init; }
}

/// <summary>The package of an I2VGen-XL checkpoint: its networks as graphs, and in the manifest every constant of its configurations.</summary>
public static class I2VGenXlPackage
{
    public const string Family = "i2vgen-xl";

    private const string Version = "1.0.0";

    /// <summary>The one of the model's documentation, for requests that give none.</summary>
    private const string NegativePrompt =
        "Distorted, discontinuous, Ugly, blurry, low resolution, motionless, static, disfigured, disconnected limbs, Ugly faces, incomplete arms";

    /// <summary>Latents are halved three times, and doubled again by repeating pixels: exact for multiples of 8 latent pixels only.</summary>
    private const int SizeMultiple = 64;

    /// <summary>The longest side of 1024p in any shape, a multiple of <see cref="SizeMultiple"/>; nothing larger was ever trained.</summary>
    private const int MaxSide = 2048;

    /// <summary>Between 20 films of 10 steps in each of two processes; docs/measurements/i2vgen-xl.md.</summary>
    private const double RepeatPsnrDb = 49;

    private const string DefaultPreset = "standard";

    private static readonly Dictionary<string, ModelPreset> Presets = new() { ["draft"] = new(25), [DefaultPreset] = new(35), ["final"] = new(50) };

    /// <summary>Writes the graphs; reads no weight.</summary>
    /// <exception cref="WeightsException">Weights are missing, unexpected or of another shape: all of them in one error.</exception>
    /// <exception cref="PackageException">There are no such graphs.</exception>
    public static PackagePlan Plan(I2VGenXlCheckpoint checkpoint, PackageSettings settings)
    {
        if (settings is { Target: Target.Fused, Precision: not TensorElementType.Float16 })
        {
            throw new PackageException("Fused graphs are made in fp16 only: take --precision fp16, or --target portable.");
        }

        var networks = Networks(checkpoint, settings);
        return new PackagePlan
        {
            Manifest = Manifest(checkpoint, settings),
            Components = [.. networks.Select(network => new PlannedComponent(network, settings.Target, checkpoint.IdentityOf(network.Source)))],
            Files = checkpoint.Files,
        };
    }

    private static IReadOnlyList<BuiltNetwork> Networks(I2VGenXlCheckpoint checkpoint, PackageSettings settings)
    {
        var networks = Build(checkpoint.Weights);
        var shapes = I2VGenXl.Sources.ToDictionary(source => source, IReadOnlyDictionary<string, long[]> (source) => Shapes(networks.Where(network => network.Source == source)));
        WeightCheck.Verify(I2VGenXl.Sources.Select(source =>
            new ExpectedWeights(source, shapes[source], checkpoint.Weights[source], key => I2VGenXl.MayBeUnused(checkpoint.Configs, source, key))));
        return checkpoint.Loras.Count == 0 ? networks : Build(MergedWeights.Apply(checkpoint.Weights, shapes, checkpoint.Loras));

        IReadOnlyList<BuiltNetwork> Build(IReadOnlyDictionary<string, IWeightSource> weights) =>
            I2VGenXl.Networks(checkpoint.Configs, source => weights[source], settings.Target, settings.Precision, settings.EightBit);
    }

    /// <summary>What several networks read from one folder.</summary>
    private static Dictionary<string, long[]> Shapes(IEnumerable<BuiltNetwork> networks)
    {
        var shapes = new Dictionary<string, long[]>();
        foreach (var (key, shape) in networks.SelectMany(network => network.Weights))
        {
            shapes[key] = shape;
        }

        return shapes;
    }

    private static ModelManifest Manifest(I2VGenXlCheckpoint checkpoint, PackageSettings settings) => new()
    {
        Name = settings.Name,
        Family = Family,
        Version = Version,
        License = checkpoint.License,
        Description = checkpoint.Description,
        Precision = settings.Precision == TensorElementType.Float16 ? "fp16" : "fp32",
        Components = new Dictionary<string, ModelComponent>(),
        Frames = new FrameLimits("any", Min: 1, Max: 32),
        Sizes = new SizeLimits(SizeMultiple, SizeMultiple, MaxSide, checkpoint.DefaultLongestSide),
        Fps = new Range<int>(1, 60),
        Steps = new Range<int>(1, checkpoint.Scheduler.NumTrainTimesteps - 1),
        GuidanceScale = new Range<double>(1, 30),
        UsedSettings = ["prompt", "negative_prompt", "width", "height", "num_frames", "fps", "steps", "guidance_scale", "seed"],
        Defaults = new ModelDefaults
        {
            NumFrames = 16,
            Fps = 16,
            Steps = Presets[DefaultPreset].Steps,
            GuidanceScale = 9,
            NegativePrompt = NegativePrompt,
            Preset = DefaultPreset,
            Sampler = "ddim",
        },
        Presets = Presets,
        Latent = new LatentFacts(
            checkpoint.Configs.Vae.LatentChannels, 1 << (checkpoint.Configs.Vae.BlockOutChannels.Count - 1), Temporal: 1, checkpoint.Configs.Vae.ScalingFactor),
        Scheduler = checkpoint.Scheduler,
        ImageEncoder = checkpoint.ImageEncoder,
        Tokenizers = [checkpoint.Tokenizer],
        RepeatPsnrDb = settings.Target == Target.Fused ? RepeatPsnrDb : null,
        Memory = I2VGenXlMemory.Terms(checkpoint.Configs, settings),
        Envelope = I2VGenXlMemory.Envelope,
        Files = new Dictionary<string, string>(),
    };
}
