using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>Why there is no plan, and what would help.</summary>
internal static class Refusals
{
    private const string Device = "vram_insufficient";

    /// <param name="least">What needs the fewest bytes of all that the rules allow.</param>
    public static PlanRefusal OfDevice(Candidate least, DeviceSnapshot device, Budget budget, FitRules rules)
    {
        var film = Named(least.Settings, rules);
        var (bytes, free) = (least.Peaks.Max, budget.DeviceBytes);
        if (least.NeededBytes == bytes)
        {
            return new PlanRefusal(
                Device, bytes, free,
                $"{film} needs {PlanText.Needed(bytes)} of device memory, and {PlanText.Available(free)} are available on {device.Name}: {Help(rules)}.");
        }

        var isMadeSomewhere = least.NeededBytes < FitEnvelope.Never;
        var where = isMadeSomewhere ? $"before {PlanText.Needed(least.NeededBytes)} are available" : "on any device";
        return new PlanRefusal(
            Device, isMadeSomewhere ? least.NeededBytes : bytes, free,
            $"{film} is larger than the model makes {where}, until such a film has been measured, and {PlanText.Available(free)} are available on {device.Name}: {Help(rules)}.");
    }

    /// <param name="least">What needs the fewest bytes of the host of all that fit the device.</param>
    public static PlanRefusal OfHost(Candidate least, Budget budget) => new(
        "ram_insufficient", least.HostBytes, budget.HostBytes,
        $"{PlanText.Film(least.Settings)} fits the device while weights wait in the host's memory, which takes {PlanText.Needed(least.HostBytes)} of it, "
        + $"and {PlanText.Available(budget.HostBytes)} are available: more free memory of the host, or of the device, would help.");

    public static PlanRefusal OfRule(PlanRequest request, ModelManifest manifest, Budget budget) => new(
        "frame_rule", 0, budget.DeviceBytes,
        $"num_frames is {request.NumFrames}, but the model {manifest.Name} makes one frame more than a multiple of 4, at least {manifest.Frames.Min}, "
        + "and the floor min_frames leaves no such number: a lower floor or another number of frames would help.");

    /// <summary>No graph of the package takes so much in one run, whatever the device.</summary>
    public static PlanRefusal OfSize(PlanRequest request, ModelManifest manifest, Budget budget) => new(
        "invalid_input", 0, budget.DeviceBytes,
        $"A film of {PlanText.Film(request)} is larger than the networks of the model {manifest.Name} take without being degraded, whatever the device: "
        + "smaller settings would help, or the policy degrade.");

    public static PlanRefusal OfEnd(Plan failed, GenerationPhase phase, Budget budget, FitRules rules)
    {
        var needed = failed.PhasePeakBytes.TryGetValue(phase, out var bytes) ? bytes : failed.PeakBytes;
        return new PlanRefusal(
            Device, needed, budget.DeviceBytes,
            $"Device memory ran out {PlanText.Doing(phase)} ({PlanText.Film(failed.Settings)}, which was predicted to need {PlanText.Needed(needed)}; "
            + $"{PlanText.Available(budget.DeviceBytes)} are available now), and nothing that needs less is allowed: {Help(rules)}.");
    }

    private static string Named(PlanRequest settings, FitRules rules) =>
        rules.Mode == FitMode.Degrade ? $"Even the smallest film that is allowed ({PlanText.Film(settings)})" : $"A film of {PlanText.Film(settings)} that is not degraded";

    private static string Help(FitRules rules) => rules switch
    {
        { Mode: not FitMode.Degrade } => "a device with more free memory would help, or the policy degrade, or smaller settings",
        { MinWidth: null, MinHeight: null, MinFrames: null } => "a device with more free memory would help, or a lower floor of frames",
        _ => "a device with more free memory would help, or lower floors",
    };
}
