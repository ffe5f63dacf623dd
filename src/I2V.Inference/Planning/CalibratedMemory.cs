using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>
/// The <see cref="MemoryModel"/> as measured runs correct it. A film that was measured, on the same rung and with the same guidance, needs
/// in each phase the most that was measured, plus 2 %. For other sizes, runs need as many times their term as the worst of the measured
/// ones did, plus 2 %, and never less than their term: what is measured small may grow unlike a straight line.
/// </summary>
internal sealed class CalibratedMemory
{
    private static readonly GenerationPhase[] Phases = [GenerationPhase.Encoding, GenerationPhase.Denoising, GenerationPhase.Decoding];

    private readonly MemoryModel model;
    private readonly Dictionary<(string Rung, bool Guided, GenerationPhase Phase), double> factors = [];
    private readonly Dictionary<(string Rung, bool Guided, GenerationPhase Phase, int Width, int Height, int NumFrames), double> measured = [];

    /// <param name="model">Of the package on the device.</param>
    /// <param name="profiles">Runs of the package, on any device.</param>
    /// <param name="ladder">A film's rungs.</param>
    public CalibratedMemory(MemoryModel model, IEnumerable<FitProfile> profiles, Func<PlanRequest, IReadOnlyList<Rung>> ladder)
    {
        this.model = model;
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
        long Of(GenerationPhase phase) =>
            measured.TryGetValue((rung.Name, settings.Guided, phase, settings.Width, settings.Height, settings.NumFrames), out var tensors)
                ? model.TotalOfTensors(phase, settings, rung.Techniques, tensors)
                : model.Total(phase, settings, rung.Techniques, factors.GetValueOrDefault((rung.Name, settings.Guided, phase), 1));
        return new PhasePeaks(
            model.Loading(rung.Techniques), Of(GenerationPhase.Encoding), Of(GenerationPhase.Denoising), Of(GenerationPhase.Decoding));
    }

    private void Learn(FitProfile profile, PlanRequest settings, Rung rung)
    {
        foreach (var phase in Phases)
        {
            if (!profile.PhasePeakBytes.TryGetValue(NameOf(phase), out var bytes))
            {
                continue;
            }

            var tensors = bytes * MemoryModel.Safety;
            var size = (rung.Name, profile.Guided, phase, profile.Width, profile.Height, profile.NumFrames);
            measured[size] = Math.Max(tensors, measured.GetValueOrDefault(size));
            var kind = (rung.Name, profile.Guided, phase);
            factors[kind] = Math.Max(model.FactorOf(phase, settings, rung.Techniques, tensors), factors.GetValueOrDefault(kind, 1));
        }
    }

    private static string NameOf(GenerationPhase phase) => phase switch
    {
        GenerationPhase.Encoding => "encoding",
        GenerationPhase.Denoising => "denoising",
        _ => "decoding",
    };
}
