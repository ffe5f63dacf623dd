using I2V.Inference.Models;
using I2V.Inference.Sampling;

namespace I2V.Inference.Planning;

/// <summary>How many steps a job takes, and with which sampler.</summary>
/// <param name="Steps">0 for models without steps.</param>
/// <param name="Sampler">Null for models without steps.</param>
public sealed record SpeedChoice(int Steps, string? Sampler)
{
    /// <summary>The film as the preset means it.</summary>
    public const string Exact = "exact";

    /// <summary>
    /// DPM-Solver++ 2M, whose 20 to 25 steps usually match 50 of DDIM (reference 5.8): three fifths of the preset's steps,
    /// 20 … 25 of them. The film is another one than DDIM's.
    /// </summary>
    public const string Fast = "fast";

    private const double FastShare = 0.6;
    private const int FastLeast = 20;
    private const int FastMost = 25;

    // For packages that state neither steps nor presets, as their pipeline takes.
    private const int UsualSteps = 50;

    /// <summary>Chooses; what the user said by number or name holds at either speed.</summary>
    /// <param name="manifest">Presets, defaults and the range of steps.</param>
    /// <param name="preset">The user's, or null for the model's own.</param>
    /// <param name="steps">The user's, or null.</param>
    /// <param name="speed"><see cref="Exact"/> or <see cref="Fast"/>.</param>
    /// <param name="sampler">The user's, or null.</param>
    /// <exception cref="ArgumentException">The speed or the preset does not exist.</exception>
    public static SpeedChoice Of(ModelManifest manifest, string? preset, int? steps, string speed = Exact, string? sampler = null)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        if (speed is not (Exact or Fast))
        {
            throw new ArgumentException($"speed is {speed}, but must be {Exact} or {Fast}.", nameof(speed));
        }

        if (manifest.Steps is not { } range)
        {
            return new SpeedChoice(0, null);
        }

        var usual = preset is null
            ? manifest.Defaults.Steps ?? manifest.Presets?.GetValueOrDefault(manifest.Defaults.Preset ?? "")?.Steps ?? UsualSteps
            : StepsOf(manifest, preset);
        return speed == Fast
            ? new SpeedChoice(steps ?? Math.Clamp(Fewer(usual), range.Min, range.Max), sampler ?? Samplers.DpmSolver)
            : new SpeedChoice(steps ?? usual, sampler ?? manifest.Defaults.Sampler ?? Samplers.Ddim);
    }

    /// <summary>Never more than asked: a preset of fewer than 20 steps keeps its own.</summary>
    private static int Fewer(int usual) => Math.Min(usual, Math.Clamp((int)Math.Ceiling(FastShare * usual), FastLeast, FastMost));

    private static int StepsOf(ModelManifest manifest, string preset) => manifest.Presets?.GetValueOrDefault(preset)?.Steps
        ?? throw new ArgumentException(
            $"preset is {preset}, but the model {manifest.Name} has {(manifest.Presets is { Count: > 0 } presets ? string.Join(", ", presets.Keys.Order(StringComparer.Ordinal)) : "no presets")}.",
            nameof(preset));
}
