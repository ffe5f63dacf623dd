using I2V.Cli.Configuration;
using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Render;

/// <summary>Fits a request to the device as a worker would, so that what runs is what fits and every change is said before it starts.</summary>
internal sealed class RenderPlan
{
    private readonly Func<Planner>? look;
    private readonly List<PlannedDegradation> steps = [];
    private Plan? plan;

    private RenderPlan(Func<Planner>? look, Plan? plan) => (this.look, this.plan) = (look, plan);

    /// <summary>Null where nobody can tell what the device has.</summary>
    public string? Rung => plan?.Rung.Name;

    public IReadOnlyList<string> Techniques => plan?.Rung.Techniques.Names ?? [];

    /// <summary>All that is not as asked, once the film is there.</summary>
    public IReadOnlyList<PlannedDegradation> Degradations => [.. plan?.Degradations ?? [], .. steps];

    /// <summary>Hears in one sentence of every step down, on the thread that makes the film.</summary>
    public Action<string>? Stepped { get; set; }

    /// <param name="model">The package.</param>
    /// <param name="request">As asked.</param>
    /// <param name="probe">Null where nobody can tell about the device: then everything is tried at once.</param>
    /// <param name="rules">What may be done when the device is too small.</param>
    /// <exception cref="CliException">Nothing that is allowed fits.</exception>
    public static RenderPlan For(ModelPackage model, GenerationRequest request, IGpuProbe? probe, FitRules rules)
    {
        if (probe is null)
        {
            return new RenderPlan(look: null, plan: null);
        }

        Planner Look() => new(model.Manifest, Snapshots.Now(probe, new SystemMemory(), warmedUp: false), rules, []);
        try
        {
            var guided = (request.GuidanceScale ?? model.Manifest.Defaults.GuidanceScale ?? 1) > 1;
            var outcome = Look().Plan(new PlanRequest(request.Width, request.Height, request.NumFrames, request.Steps ?? model.Manifest.Defaults.Steps ?? 0, guided));
            return outcome.IsPlanned ? new RenderPlan(Look, outcome.Plan) : throw new CliException(outcome.Refusal.Message);
        }
        catch (DeviceException error)
        {
            throw new CliException(error.Message, error);
        }
    }

    /// <summary>The rules that options say.</summary>
    /// <param name="fit">Null when none was given.</param>
    /// <param name="asked">The film, which no floor may lie above.</param>
    /// <exception cref="CliException">One does.</exception>
    public static FitRules Rules(JobFit? fit, GenerationRequest asked)
    {
        (string Name, int? Floor, int Asked)[] floors =
            [("--min-width", fit?.MinWidth, asked.Width), ("--min-height", fit?.MinHeight, asked.Height), ("--min-frames", fit?.MinFrames, asked.NumFrames)];
        foreach (var (name, floor, most) in floors)
        {
            if (floor > most)
            {
                throw new CliException(FormattableString.Invariant($"{name} is {floor}, above the {most} that the film has; it must be at most {most}."), ExitCode.Usage);
            }
        }

        return new FitRules(fit?.Policy == FitPolicy.Fail ? FitMode.Fail : FitMode.Degrade, fit?.MinWidth, fit?.MinHeight, fit?.MinFrames);
    }

    /// <summary>The request with what the plan makes of it.</summary>
    public GenerationRequest Apply(GenerationRequest request) => plan is null ? request : request with
    {
        Width = plan.Settings.Width,
        Height = plan.Settings.Height,
        NumFrames = plan.Settings.NumFrames,
        Techniques = plan.Rung.Techniques,
        StepDown = StepDown,
    };

    private Techniques? StepDown(GenerationPhase phase, Techniques tried)
    {
        if (look!().Next(plan!.Settings, tried, phase) is not { } next)
        {
            return null;
        }

        var change = I2V.Inference.Planning.Degradations.SteppedDown(plan.Rung, next, phase);
        if (!next.Exact)
        {
            steps.Add(change);
        }

        plan = plan with { Rung = next };
        Stepped?.Invoke(change.Message);
        return next.Techniques;
    }
}
