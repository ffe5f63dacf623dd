using I2V.Inference.Models;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Packages;
using I2V.ModelBuilder.Tokenizers;
using I2V.ModelBuilder.Weights;

namespace I2V.ModelBuilder.Checkpoints;

/// <summary>How large the networks with random weights are.</summary>
public enum RandomSize
{
    /// <summary>As the published model.</summary>
    Full,

    /// <summary>Its widths, with one layer in each block.</summary>
    Small,

    /// <summary>As narrow as the architecture allows.</summary>
    Tiny,
}

/// <summary>Where checkpoints of I2VGen-XL come from.</summary>
public static class I2VGenXlCheckpoints
{
    /// <summary>Reads a checkpoint's configurations and maps its weights into memory.</summary>
    /// <exception cref="CheckpointException">It is not one, or not one whose arithmetic is known.</exception>
    /// <exception cref="WeightsException">A file of weights is missing or not what it should be.</exception>
    public static I2VGenXlCheckpoint Open(string folder)
    {
        CheckpointFolder.RequireI2VGenXl(folder);
        var configs = I2VGenXlConfigReader.Read(folder);
        var (tokenizer, files) = CheckpointFolder.Tokenizer(folder);
        foreach (var (name, content) in CheckpointFolder.LicenseFiles(folder))
        {
            files[name] = content;
        }

        var weights = new Dictionary<string, IWeightSource>();
        try
        {
            foreach (var source in I2VGenXl.Sources)
            {
                weights[source] = CheckpointWeights.OpenFolder(Path.Combine(folder, source));
            }

            return new I2VGenXlCheckpoint
            {
                Configs = configs,
                Scheduler = SchedulerConfigReader.Read(ConfigFile.Read(folder, "scheduler/scheduler_config.json")),
                ImageEncoder = CheckpointFolder.ImageEncoder(folder, configs.ImageEncoder.ImageSize),
                Tokenizer = tokenizer,
                Files = files,
                License = CheckpointFolder.License(folder),
                Description = "I2VGen-XL: image and text to video by cascaded diffusion (arXiv:2311.04145).",
                Weights = weights,
                Identities = I2VGenXl.Sources.ToDictionary(source => source, source => Identity(Path.Combine(folder, source))),
            };
        }
        catch
        {
            weights.Values.OfType<IDisposable>().ToList().ForEach(source => source.Dispose());
            throw;
        }
    }

    /// <summary>A checkpoint whose weights follow from their names and a seed: needs no file, and makes films of noise.</summary>
    public static I2VGenXlCheckpoint Random(RandomSize size, ulong seed)
    {
        var configs = size switch { RandomSize.Full => I2VGenXlConfigs.Full, RandomSize.Small => I2VGenXlConfigs.Small, _ => I2VGenXlConfigs.Tiny };
        return new I2VGenXlCheckpoint
        {
            Configs = configs,
            Scheduler = SchedulerConfigReader.I2VGenXl,
            ImageEncoder = CheckpointFolder.Clip(configs.ImageEncoder.ImageSize),
            Tokenizer = new TokenizerFacts("clip", "tokenizer/vocab.json", "tokenizer/merges.txt", configs.TextEncoder.MaxPositionEmbeddings, "<|endoftext|>"),
            Files = new Dictionary<string, byte[]>
            {
                ["LICENSE"] = ProductLicense.Text(),
                ["tokenizer/LICENSE"] = ClipVocabulary.License(),
                ["tokenizer/vocab.json"] = ClipVocabulary.VocabularyJson(),
                ["tokenizer/merges.txt"] = ClipVocabulary.Merges(),
            },
            License = ProductLicense.Identifier,
            Description = FormattableString.Invariant($"I2VGen-XL with random weights ({size.ToString().ToLowerInvariant()}, seed {seed}): for tests and measurements. It has learned nothing, so its films are noise."),
            DefaultLongestSide = size == RandomSize.Tiny ? 256 : 512,
            Weights = I2VGenXl.Sources.ToDictionary(source => source, IWeightSource (source) => new RandomWeights(source, seed)),
            Identities = I2VGenXl.Sources.ToDictionary(source => source, source => FormattableString.Invariant($"random {source} {seed}")),
        };
    }

    private static string Identity(string folder) => string.Join('\n', new DirectoryInfo(folder).EnumerateFiles()
        .OrderBy(file => file.Name, StringComparer.Ordinal)
        .Select(I2VGenXlCheckpoint.FileIdentity));
}
