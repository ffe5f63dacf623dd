using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;

namespace I2V.Worker.Fitting;

/// <summary>A step down that an attempt took because memory ran out.</summary>
/// <param name="Phase">Where it ran out.</param>
/// <param name="From">As it was tried.</param>
/// <param name="To">As it goes on.</param>
/// <param name="Degradation">What the film loses by it; null when the rung costs time only.</param>
/// <param name="Replanned">True when the whole attempt was planned anew, so that what was lost before does not stand any more.</param>
internal sealed record StepTaken(GenerationPhase Phase, Rung From, Rung To, Degradation? Degradation, bool Replanned);

/// <summary>
/// One attempt's way down the ladder: the plan that it begins with, and what running out of memory makes of it. The device
/// is looked at anew for each step, since whoever took the memory may be gone or may have taken more. Thread-safe.
/// </summary>
internal sealed class JobFitting
{
    private readonly PlanRequest asked;
    private readonly Func<Planner> look;
    private readonly Action<FitShortage>? learn;
    private readonly Lock gate = new();
    private readonly List<Degradation> steps = [];
    private GenerationPhase failedIn = GenerationPhase.Loading;

    /// <param name="asked">The film as it was asked for.</param>
    /// <param name="look">A planner for the device as it is now.</param>
    /// <param name="learn">Keeps what running out of memory proves, for this attempt's next plan and those of later jobs.</param>
    /// <exception cref="DoesNotFitException">Nothing that the job's rules allow fits.</exception>
    public JobFitting(PlanRequest asked, Func<Planner> look, Action<FitShortage>? learn = null)
    {
        (this.asked, this.look, this.learn) = (asked, look, learn);
        var outcome = look().Plan(asked);
        Plan = outcome.IsPlanned ? outcome.Plan : throw new DoesNotFitException(outcome.Refusal);
    }

    /// <summary>Hears of every step, on the thread that runs the model.</summary>
    public Action<StepTaken>? Stepped { get; set; }

    /// <summary>As the attempt goes on now.</summary>
    public Plan Plan { get; private set; }

    /// <summary>All that is not as asked.</summary>
    public IReadOnlyList<Degradation> Degradations
    {
        get
        {
            lock (gate)
            {
                return [.. Plan.Degradations.Select(ToProtocol), .. steps];
            }
        }
    }

    /// <summary>For the pipeline and whoever loads it: a phase ran out of memory, as the plan had it carried out.</summary>
    public void RanOut(MemoryShortage shortage)
    {
        failedIn = shortage.Phase;
        if (shortage.NeededBytes is not > 0 || shortage.Tried != Plan.Rung.Techniques)
        {
            return; // nobody counted, or it was not done as this plan says
        }

        learn?.Invoke(new FitShortage
        {
            Rung = Plan.Rung.Name,
            Phase = shortage.Phase,
            Width = Plan.Settings.Width,
            Height = Plan.Settings.Height,
            NumFrames = Plan.Settings.NumFrames,
            Guided = Plan.Settings.Guided,
            NeededBytes = shortage.NeededBytes.Value,
        });
    }

    /// <summary>For the pipeline: the rung to repeat a phase on.</summary>
    public Techniques? StepDown(GenerationPhase phase, Techniques tried)
    {
        failedIn = phase;
        var planner = look();
        var from = Plan.Rung;
        if (planner.Next(Plan.Settings, tried, phase) is not { } to)
        {
            return null;
        }

        // A rung that costs time only is told to who watches, but takes nothing from the film.
        var lowered = to.Exact ? null : ToProtocol(I2V.Inference.Planning.Degradations.SteppedDown(
            from, to, phase, planner.Predict(Plan.Settings, from).Of(phase), planner.Budget.DeviceBytes));
        lock (gate)
        {
            Plan = Plan with { Rung = to, PhasePeakBytes = planner.Predict(Plan.Settings, to).ToDictionary(), BudgetBytes = planner.Budget.DeviceBytes };
            if (lowered is not null)
            {
                steps.Add(lowered);
            }
        }

        Stepped?.Invoke(new StepTaken(phase, from, to, lowered, Replanned: false));
        return to.Techniques;
    }

    /// <summary>After a run that ended for want of memory: the next plan that needs less, with other settings if it must be.</summary>
    /// <returns>False at the end of what the job's rules allow.</returns>
    public bool TryBelow()
    {
        var from = Plan.Rung;
        var outcome = look().Below(asked, Plan, failedIn);
        if (!outcome.IsPlanned)
        {
            return false;
        }

        lock (gate)
        {
            Plan = outcome.Plan;
            steps.Clear(); // the new plan says all that is not as asked
        }

        Stepped?.Invoke(new StepTaken(failedIn, from, Plan.Rung, Plan.Degradations.Select(ToProtocol).LastOrDefault(), Replanned: true));
        return true;
    }

    /// <summary>The settings that the film is made with.</summary>
    public JobSettings Apply(JobSettings settings) => settings with
    {
        Width = Plan.Settings.Width,
        Height = Plan.Settings.Height,
        NumFrames = Plan.Settings.NumFrames,
    };

    internal static Degradation ToProtocol(PlannedDegradation change) =>
        new(change.Code, change.Field, change.From, change.To, change.NeededBytes, change.FreeBytes, change.Message);
}
