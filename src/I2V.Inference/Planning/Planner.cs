using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;

namespace I2V.Inference.Planning;

/// <summary>
/// Decides how a film is made on a device. Everything that it goes by is given to it, and the same gives the same answer.
/// </summary>
/// <remarks>
/// <para>
/// Candidates are tried in one order, whatever the device: what was asked on each rung of the ladder, then fewer frames, then smaller pictures,
/// each on each rung again. The first that fits is the plan, so nothing that fits is degraded, and more memory never gives a worse plan:
/// better is the larger picture, then more frames, then the rung nearer to <c>resident</c>.
/// </para>
/// <para>
/// A candidate <b>fits</b> when its predicted bytes are within the <see cref="Budget"/>, the host has room for the weights that are not on the device,
/// and the film is inside the package's envelope or a measured run covers it.
/// </para>
/// </remarks>
public sealed class Planner
{
    private readonly ModelManifest manifest;
    private readonly DeviceSnapshot device;
    private readonly FitRules rules;
    private readonly IReadOnlyList<FitProfile> profiles;
    private readonly MemoryModel model;
    private readonly CalibratedMemory memory;
    private readonly FitEnvelope envelope;

    /// <param name="manifest">Of the package.</param>
    /// <param name="device">As it is now.</param>
    /// <param name="rules">The user's.</param>
    /// <param name="learned">Measured runs of this package besides those of its manifest, the newest last.</param>
    /// <param name="shortages">What ran out of memory on this device; null for nothing.</param>
    public Planner(
        ModelManifest manifest, DeviceSnapshot device, FitRules rules, IReadOnlyList<FitProfile> learned, IReadOnlyList<FitShortage>? shortages = null)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(learned);
        (this.manifest, this.device, this.rules) = (manifest, device, rules);
        profiles = [.. manifest.FitProfiles ?? [], .. learned];
        model = new MemoryModel(manifest, device);
        memory = new CalibratedMemory(model, profiles, shortages ?? [], settings => Ladder.Of(manifest, settings, device.Provider));
        envelope = new FitEnvelope(manifest.Envelope, profiles);
        Budget = Budget.Of(device);
    }

    public Budget Budget { get; }

    private bool MayDegrade => rules.Mode == FitMode.Degrade;

    /// <summary>The plan for a film, or why there is none.</summary>
    /// <param name="request">Within the model's limits; a number of frames that its rule does not make becomes the next smaller one, which the plan says.</param>
    public PlanOutcome Plan(PlanRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return SmallerSettings.Of(request, manifest, rules).Any()
            ? Decide(request, Candidates(request))
            : PlanOutcome.Of(Refusals.OfRule(request, manifest, Budget));
    }

    /// <summary>
    /// The plan after one that ran out of memory although it was predicted to fit: the next in order that is predicted to need less in the phase that
    /// failed, and fits this planner's device, which is to be looked at anew.
    /// </summary>
    /// <param name="request">What was asked at first; degradations are told against it.</param>
    /// <param name="failed">What was tried.</param>
    /// <param name="phase">In which memory ran out.</param>
    public PlanOutcome Below(PlanRequest request, Plan failed, GenerationPhase phase)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(failed);
        var tooMuch = model.Peaks(failed.Settings, failed.Rung.Techniques).Of(phase);
        var smaller = Candidates(request)
            .Where(candidate => IsBelow(candidate, failed) && model.Peaks(candidate.Settings, candidate.Rung.Techniques).Of(phase) < tooMuch)
            .ToList();
        return smaller.Count > 0 ? Decide(request, smaller) : PlanOutcome.Of(Refusals.OfEnd(failed, phase, Budget, rules));
    }

    /// <summary>
    /// The rung to repeat a phase on after its memory ran out: the next one that is allowed, for whose weights the host has room, that is predicted to
    /// need less in that phase and to fit this planner's device, which is to be looked at anew; where none fits, the one that needs least. Null at the
    /// end of the ladder; then <see cref="Below"/> may know smaller settings.
    /// </summary>
    /// <param name="settings">The film that is being made.</param>
    /// <param name="tried">What was not enough.</param>
    /// <param name="phase">In which memory ran out.</param>
    public Rung? Next(PlanRequest settings, Techniques tried, GenerationPhase phase)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(tried);
        var rungs = Rungs(settings).ToList();
        var tooMuch = model.Peaks(settings, tried).Of(phase);
        var smaller = rungs
            .Skip(rungs.FindIndex(rung => rung.Techniques == tried) + 1)
            .Where(rung => HasRoom(model.HostBytes(rung.Techniques)) && model.Peaks(settings, rung.Techniques).Of(phase) < tooMuch)
            .ToList();
        return smaller.Find(rung => memory.Peaks(settings, rung).Of(phase) <= Budget.DeviceBytes)
            ?? smaller.MinBy(rung => model.Peaks(settings, rung.Techniques).Of(phase));
    }

    /// <summary>The rungs that the rules allow a film, the least frugal first.</summary>
    public IEnumerable<Rung> Rungs(PlanRequest settings) => Ladder.Of(manifest, settings, device.Provider).Where(rung => rung.Exact || MayDegrade);

    /// <summary>Predicted bytes of the whole process on a rung, with what measured runs teach; whether it fits is another question.</summary>
    public PhasePeaks Predict(PlanRequest settings, Rung rung)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(rung);
        return memory.Peaks(settings, rung);
    }

    /// <summary>Predicted seconds of a warm run; null where nothing was timed on a device of this name.</summary>
    public double? Seconds(PlanRequest settings, Rung rung)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(rung);
        return TimeModel.Seconds(settings, rung, device.Name, profiles);
    }

    private static bool IsBelow(Candidate candidate, Plan failed)
    {
        static long Pixels(PlanRequest settings) => (long)settings.Width * settings.Height;
        var (smaller, larger) = (candidate.Settings, failed.Settings);
        return (Pixels(smaller) - Pixels(larger), smaller.NumFrames - larger.NumFrames) switch
        {
            (not 0 and var pixels, _) => pixels < 0,
            (_, not 0 and var frames) => frames < 0,
            _ => Ladder.Position(candidate.Rung.Name) > Ladder.Position(failed.Rung.Name),
        };
    }

    private IEnumerable<Candidate> Candidates(PlanRequest request) =>
        from settings in SmallerSettings.Of(request, manifest, rules).Take(MayDegrade ? int.MaxValue : 1)
        from rung in Rungs(settings)
        select CandidateOf(settings, rung);

    private Candidate CandidateOf(PlanRequest settings, Rung rung)
    {
        var peaks = memory.Peaks(settings, rung);
        var free = envelope.NeededFreeBytes(settings, rung);
        return new Candidate(settings, rung, peaks, Math.Max(peaks.Max, Allowance(free)), model.HostBytes(rung.Techniques));
    }

    /// <summary>The budget of a device that has so many bytes free.</summary>
    private long Allowance(long freeBytes) => freeBytes == FitEnvelope.Never ? FitEnvelope.Never : Math.Max(0, freeBytes - Budget.MarginOf(device));

    private bool HasRoom(long hostBytes) => hostBytes == 0 || hostBytes <= Budget.HostBytes;

    private PlanOutcome Decide(PlanRequest request, IEnumerable<Candidate> candidates)
    {
        Candidate? leastDevice = null, leastHost = null;
        foreach (var candidate in candidates)
        {
            if (candidate.NeededBytes > Budget.DeviceBytes)
            {
                // Of equals the last, which is the smaller film.
                leastDevice = leastDevice is null || candidate.Need.CompareTo(leastDevice.Need) <= 0 ? candidate : leastDevice;
            }
            else if (HasRoom(candidate.HostBytes))
            {
                return PlanOutcome.Of(PlanOf(request, candidate));
            }
            else
            {
                leastHost = leastHost is null || candidate.HostBytes < leastHost.HostBytes ? candidate : leastHost;
            }
        }

        return PlanOutcome.Of((leastHost, leastDevice) switch
        {
            ({ } host, _) => Refusals.OfHost(host, Budget),
            (_, { } least) => Refusals.OfDevice(least, device, Budget, rules),
            _ => Refusals.OfSize(request, manifest, Budget),
        });
    }

    private Plan PlanOf(PlanRequest request, Candidate candidate) => new()
    {
        Settings = candidate.Settings,
        Rung = candidate.Rung,
        PhasePeakBytes = candidate.Peaks.ToDictionary(),
        BudgetBytes = Budget.DeviceBytes,
        Seconds = Seconds(candidate.Settings, candidate.Rung),
        Degradations =
        [
            .. SettingsChanges(request, candidate.Settings),
            .. Degradations.OfTechniques(
                candidate.Rung.Techniques, manifest.Precision, Short(candidate.Settings, exactOnly: true), Budget.DeviceBytes),
        ],
    };

    private IEnumerable<PlannedDegradation> SettingsChanges(PlanRequest request, PlanRequest applied)
    {
        var asked = request with { NumFrames = SmallerSettings.ByRule(request.NumFrames, manifest.Frames) };
        if (asked != request)
        {
            yield return Degradations.OfRule(request.NumFrames, asked.NumFrames);
        }

        if (applied == asked)
        {
            yield break;
        }

        var (needed, usable) = (Short(asked, exactOnly: false), Budget.UsableBytes);
        if (applied.NumFrames < asked.NumFrames)
        {
            yield return Degradations.OfFrames(asked, applied, needed, Budget.DeviceBytes, usable);
        }

        if ((applied.Width, applied.Height) != (asked.Width, asked.Height))
        {
            yield return Degradations.OfResolution(asked, applied, needed, Budget.DeviceBytes, usable);
        }
    }

    /// <summary>The fewest bytes that a film needs, where they are more than there are; null where bytes were not the reason.</summary>
    private long? Short(PlanRequest settings, bool exactOnly)
    {
        var least = Rungs(settings)
            .Where(rung => (rung.Exact || !exactOnly) && HasRoom(model.HostBytes(rung.Techniques)))
            .Select(rung => (long?)memory.Peaks(settings, rung).Max)
            .Min();
        return least > Budget.DeviceBytes ? least : null;
    }
}
