using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>The <see cref="MemoryModel"/> as runs correct it.</summary>
/// <remarks>
/// <para>
/// A film that was measured, on the same rung and with the same guidance, needs in each phase the most that was measured, plus 2 %. For other
/// sizes, runs need as many times their term as the worst of the measured ones did, plus 2 %, and never less than their term: what is
/// measured small may grow unlike a straight line.
/// </para>
/// <para>
/// A phase that ran out of memory needs at least the bytes that it did not get; so does that phase on every rung that the model does
/// not predict to need less in it, unless it was measured there.
/// </para>
/// </remarks>
internal sealed class CalibratedMemory
{
    private static readonly GenerationPhase[] Phases = [GenerationPhase.Encoding, GenerationPhase.Denoising, GenerationPhase.Decoding];

    private readonly MemoryModel model;
    private readonly Func<PlanRequest, IReadOnlyList<Rung>> ladder;
    private readonly ILookup<GenerationPhase, FitShortage> shortages;
    private readonly Dictionary<(string Rung, bool Guided, GenerationPhase Phase), double> factors = [];
    private readonly Dictionary<(string Rung, bool Guided, GenerationPhase Phase, int Width, int Height, int NumFrames), double> measured = [];

    /// <param name="model">Of the package on the device.</param>
    /// <param name="profiles">Runs of the package, on any device.</param>
    /// <param name="shortages">Runs of the package that memory ran out in, on this device.</param>
    /// <param name="ladder">A film's rungs.</param>
    public CalibratedMemory(
        MemoryModel model, IEnumerable<FitProfile> profiles, IEnumerable<FitShortage> shortages, Func<PlanRequest, IReadOnlyList<Rung>> ladder)
    {
        (this.model, this.ladder) = (model, ladder);
        this.shortages = shortages.ToLookup(shortage => shortage.Phase);
        foreach (var profile in profiles)
        {
            var settings = new PlanRequest(profile.Width, profile.Height, profile.NumFrames, Steps: 0, profile.Guided);
            if (ladder(settings).FirstOrDefault(rung => rung.Name == profile.Rung) is { } rung)
            {
                Learn(profile, settings, rung);
            }
        }
    }

    /// <summary>Bytes of the whole process in each phase.</summary>
    public PhasePeaks Peaks(PlanRequest settings, Rung rung)
    {
        long Of(GenerationPhase phase) => Math.Max(Expected(phase, settings, rung), Refused(phase, settings, rung));
        return new PhasePeaks(Of(GenerationPhase.Loading), Of(GenerationPhase.Encoding), Of(GenerationPhase.Denoising), Of(GenerationPhase.Decoding));
    }

    /// <summary>A phase's name in a <see cref="FitProfile"/>.</summary>
    internal static string NameOf(GenerationPhase phase) => phase switch
    {
        GenerationPhase.Loading => "loading",
        GenerationPhase.Encoding => "encoding",
        GenerationPhase.Denoising => "denoising",
        _ => "decoding",
    };

    private static (string Rung, bool Guided, GenerationPhase Phase, int Width, int Height, int NumFrames) Key(GenerationPhase phase, PlanRequest settings, Rung rung) =>
        (rung.Name, settings.Guided, phase, settings.Width, settings.Height, settings.NumFrames);

    private long Expected(GenerationPhase phase, PlanRequest settings, Rung rung) =>
        measured.TryGetValue(Key(phase, settings, rung), out var tensors)
            ? model.TotalOfTensors(phase, settings, rung.Techniques, tensors)
            : Modelled(phase, settings, rung, factors.GetValueOrDefault((rung.Name, settings.Guided, phase), 1));

    private long Modelled(GenerationPhase phase, PlanRequest settings, Rung rung, double factor = 1) =>
        phase == GenerationPhase.Loading ? model.Loading(rung.Techniques) : model.Total(phase, settings, rung.Techniques, factor);

    /// <summary>The most that was needed and not there, as bytes of the whole process; 0 where memory never ran out.</summary>
    private long Refused(GenerationPhase phase, PlanRequest settings, Rung rung)
    {
        var isMeasured = measured.ContainsKey(Key(phase, settings, rung));
        var tensors = shortages[phase]
            .Where(shortage => shortage.Binds(settings) && (shortage.Rung == rung.Name || (!isMeasured && NeedsNoLess(phase, settings, rung, shortage.Rung))))
            .Select(shortage => shortage.NeededBytes)
            .DefaultIfEmpty()
            .Max();
        return tensors == 0 ? 0
            : phase == GenerationPhase.Loading ? Phases.Max(part => model.TotalOfTensors(part, settings, rung.Techniques, tensors))
            : model.TotalOfTensors(phase, settings, rung.Techniques, tensors);
    }

    private bool NeedsNoLess(GenerationPhase phase, PlanRequest settings, Rung rung, string tried) =>
        ladder(settings).FirstOrDefault(other => other.Name == tried) is { } failed && Modelled(phase, settings, rung) >= Modelled(phase, settings, failed);

    private void Learn(FitProfile profile, PlanRequest settings, Rung rung)
    {
        foreach (var phase in Phases)
        {
            if (!profile.PhasePeakBytes.TryGetValue(NameOf(phase), out var bytes))
            {
                continue;
            }

            var tensors = bytes * MemoryModel.Safety;
            var size = Key(phase, settings, rung);
            measured[size] = Math.Max(tensors, measured.GetValueOrDefault(size));
            var kind = (rung.Name, profile.Guided, phase);
            factors[kind] = Math.Max(model.FactorOf(phase, settings, rung.Techniques, tensors), factors.GetValueOrDefault(kind, 1));
        }
    }
}
