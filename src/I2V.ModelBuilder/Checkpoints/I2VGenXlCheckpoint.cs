using I2V.Inference.Models;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Weights;

namespace I2V.ModelBuilder.Checkpoints;

/// <summary>Everything that a package of I2VGen-XL is made from.</summary>
public sealed record I2VGenXlCheckpoint : IDisposable
{
    public required I2VGenXlConfigs Configs { get; init; }

    public required SchedulerConfig Scheduler { get; init; }

    public required ImageEncoderFacts ImageEncoder { get; init; }

    public required TokenizerFacts Tokenizer { get; init; }

    /// <summary>Files that go into the package as they are: path below its folder → content.</summary>
    public required IReadOnlyDictionary<string, byte[]> Files { get; init; }

    /// <summary>As the checkpoint names it, such as <c>mit</c>; null when it does not say.</summary>
    public string? License { get; init; }

    /// <summary>For the manifest: what this is.</summary>
    public required string Description { get; init; }

    /// <summary>Pixels of the longest side of a film whose size is left open.</summary>
    public int DefaultLongestSide { get; init; } = 512;

    /// <summary>The weights of each of <see cref="I2VGenXl.Sources"/>.</summary>
    public required IReadOnlyDictionary<string, IWeightSource> Weights { get; init; }

    /// <summary>Merged into <see cref="Weights"/>, in this order, each with how strongly it counts.</summary>
    public IReadOnlyList<(LoraFile File, double Scale)> Loras { get; init; } = [];

    /// <summary>Changes whenever <see cref="Weights"/> would be others.</summary>
    public required IReadOnlyDictionary<string, string> Identities { get; init; }

    public void Dispose()
    {
        foreach (var source in Weights.Values.OfType<IDisposable>())
        {
            source.Dispose();
        }

        foreach (var (file, _) in Loras)
        {
            file.Dispose();
        }
    }

    /// <summary>What decides the weights of a source: its own identity and that of every LoRA.</summary>
    internal string IdentityOf(string source) => string.Join('\n', [Identities[source], .. Loras.Select(lora =>
        FormattableString.Invariant($"{FileIdentity(new FileInfo(lora.File.Path))} at {lora.Scale:R}"))]);

    /// <summary>Name, length and time: cheap, and another whenever the file is exchanged.</summary>
    internal static string FileIdentity(FileInfo file) => FormattableString.Invariant($"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks}");
}
