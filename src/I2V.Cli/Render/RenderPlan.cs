using I2V.Cli.Configuration;
using I2V.Inference.Devices;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;

namespace I2V.Cli.Render;

/// <summary>Fits a request to the device as a worker would, so that what runs is what fits and every change is said before it starts.</summary>
internal sealed class RenderPlan
{
    private readonly Func<Planner>? look;
    private Plan? plan;

    private RenderPlan(Func<Planner>? look, Plan? plan) => (this.look, this.plan) = (look, plan);

    /// <summary>Null where nobody can tell what the device has.</summary>
    public string? Rung => plan?.Rung.Name;

    public IReadOnlyList<string> Techniques => plan?.Rung.Techniques.Names ?? [];

    public IReadOnlyList<PlannedDegradation> Degradations => plan?.Degradations ?? [];

    /// <param name="model">The package.</param>
    /// <param name="request">As asked.</param>
    /// <param name="probe">Null where nobody can tell about the device: then everything is tried at once.</param>
    /// <param name="mode">What may be done when the device is too small.</param>
    /// <exception cref="CliException">Nothing that is allowed fits.</exception>
    public static RenderPlan For(ModelPackage model, GenerationRequest request, IGpuProbe? probe, FitMode mode)
    {
        if (probe is null)
        {
            return new RenderPlan(look: null, plan: null);
        }

        Planner Look() => new(model.Manifest, Snapshots.Now(probe, new SystemMemory(), warmedUp: false), new FitRules(mode), []);
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

        plan = plan with { Rung = next };
        return next.Techniques;
    }
}
