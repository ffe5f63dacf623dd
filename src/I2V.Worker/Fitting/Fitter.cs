using I2V.Inference.Models;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;
using I2V.Protocol.Workers;
using I2V.Worker.Devices;

namespace I2V.Worker.Fitting;

/// <summary>A job that does not fit this worker now: not the job's fault and not the worker's, so it goes back to the queue.</summary>
internal sealed class DoesNotFitException(PlanRefusal refusal) : Exception(refusal.Message)
{
    public PlanRefusal Refusal { get; } = refusal;
}

/// <summary>Fits jobs to this worker's device, and learns from what came of them.</summary>
internal sealed class Fitter(Device device, ProfileStore profiles)
{
    private volatile bool warmedUp;

    /// <summary>A model has run, so what the process holds besides tensors can be measured from now on.</summary>
    public void NoteWarm() => warmedUp = true;

    /// <summary>Looks at the device as it is now.</summary>
    public Planner Look(ModelPackage package, FitRules rules)
    {
        var learned = profiles.Of(package.Sha256);
        return new Planner(package.Manifest, device.Snapshot(warmedUp), rules, learned.Profiles, learned.Shortages);
    }

    /// <summary>The way of one attempt at a job through the ladder, from the rung that fits the device now.</summary>
    /// <exception cref="DoesNotFitException">Nothing that the job's rules allow fits.</exception>
    public JobFitting Begin(ModelPackage package, JobSpec spec)
    {
        var rules = new FitRules(ModeOf(spec.Fit.Policy), spec.Fit.MinWidth, spec.Fit.MinHeight, spec.Fit.MinFrames);
        return new JobFitting(AskedBy(package.Manifest, spec.Settings), () => Look(package, rules), shortage => profiles.Learn(package.Sha256, shortage));
    }

    /// <summary>Keeps what a finished film took.</summary>
    /// <param name="package">The model.</param>
    /// <param name="fitting">How it was made.</param>
    /// <param name="peaks">Phase (<c>encoding</c>, …) → bytes of tensors at most; empty where they are not counted.</param>
    /// <param name="seconds">Of the phases; null for an attempt that loaded networks in between, whose pace says nothing.</param>
    public void Learn(ModelPackage package, JobFitting fitting, IReadOnlyDictionary<string, long> peaks, PhaseSeconds? seconds)
    {
        var plan = fitting.Plan;
        if (peaks.Count == 0 && seconds is null)
        {
            return;
        }

        profiles.Learn(package.Sha256, new FitProfile
        {
            Device = device.Name,
            Rung = plan.Rung.Name,
            Width = plan.Settings.Width,
            Height = plan.Settings.Height,
            NumFrames = plan.Settings.NumFrames,
            Guided = plan.Settings.Guided,
            PhasePeakBytes = peaks,
            EncodeSeconds = seconds?.Encode,
            SecondsPerStep = seconds is { } timed && plan.Settings.Steps > 0 ? timed.Denoise / plan.Settings.Steps : null,
            DecodeSeconds = seconds?.Decode,
        });
    }

    internal static PlanRequest AskedBy(ModelManifest manifest, JobSettings settings) => new(
        settings.Width ?? manifest.Sizes.DefaultLongestSide,
        settings.Height ?? manifest.Sizes.DefaultLongestSide,
        settings.NumFrames ?? manifest.Defaults.NumFrames,
        settings.Steps ?? manifest.Defaults.Steps ?? 0,
        Guided: (settings.GuidanceScale ?? manifest.Defaults.GuidanceScale ?? 1) > 1);

    private static FitMode ModeOf(FitPolicy policy) => policy switch
    {
        FitPolicy.Wait => FitMode.Wait,
        FitPolicy.Fail => FitMode.Fail,
        _ => FitMode.Degrade,
    };
}

/// <summary>Seconds of an attempt's phases.</summary>
internal sealed record PhaseSeconds(double Encode, double Denoise, double Decode);
