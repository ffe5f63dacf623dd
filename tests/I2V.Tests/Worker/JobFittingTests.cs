using I2V.Inference.Devices;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;
using I2V.Tests.Inference.Planning;
using I2V.Worker.Fitting;

namespace I2V.Tests.Worker;

/// <summary>The way of an attempt down the ladder, on a card whose memory changes meanwhile.</summary>
public sealed class JobFittingTests
{
    private readonly List<StepTaken> steps = [];
    private readonly List<FitShortage> learned = [];
    private DeviceSnapshot card = PlanSamples.Card(24.0);

    [Fact]
    public void It_begins_with_the_plan_for_the_card_as_it_is()
    {
        Assert.Equal((Rung.Resident, 0), (Begin().Plan.Rung.Name, Begin().Degradations.Count));
        card = PlanSamples.Card(4.0);
        Assert.Equal(Rung.Streamed, Begin().Plan.Rung.Name);
    }

    [Fact]
    public void What_nothing_allowed_fits_is_refused_with_the_bytes()
    {
        card = PlanSamples.Card(1.0);

        var refusal = Assert.Throws<DoesNotFitException>(() => Begin(new FitRules(FitMode.Fail))).Refusal;

        Assert.Equal("vram_insufficient", refusal.Code);
        Assert.True(refusal.NeededBytes > refusal.BudgetBytes);
    }

    [Fact]
    public void A_step_down_goes_to_a_rung_that_needs_less_in_that_phase_and_is_told_once()
    {
        var fitting = Begin();

        var next = fitting.StepDown(GenerationPhase.Denoising, fitting.Plan.Rung.Techniques);

        var step = Assert.Single(steps);
        Assert.Equal((GenerationPhase.Denoising, Rung.Resident, false), (step.Phase, step.From.Name, step.Replanned));
        Assert.Equal(next, fitting.Plan.Rung.Techniques);
        Assert.Equal(step.To, fitting.Plan.Rung);
        Assert.Null(step.Degradation); // it costs time only
        Assert.Empty(fitting.Degradations);
    }

    [Fact]
    public void Steps_go_on_to_the_end_of_the_ladder_and_inexact_ones_are_degradations()
    {
        var fitting = Begin();
        var techniques = fitting.Plan.Rung.Techniques;
        while (fitting.StepDown(GenerationPhase.Denoising, techniques) is { } lower)
        {
            techniques = lower;
        }

        Assert.Equal(Rung.Windows, fitting.Plan.Rung.Name);
        Assert.Equal(steps.Where(step => !step.To.Exact).Select(step => step.To.Name), fitting.Degradations.Select(change => change.To));
        Assert.All(fitting.Degradations, change => Assert.Equal("rung_lowered", change.Code));
    }

    [Fact]
    public void A_job_that_must_not_be_degraded_stops_at_the_last_exact_rung()
    {
        var fitting = Begin(new FitRules(FitMode.Wait));
        var techniques = fitting.Plan.Rung.Techniques;
        while (fitting.StepDown(GenerationPhase.Denoising, techniques) is { } lower)
        {
            techniques = lower;
        }

        Assert.True(fitting.Plan.Rung.Exact);
        Assert.False(fitting.TryBelow());
    }

    [Fact]
    public void After_the_ladder_the_film_gets_smaller_and_the_new_plan_says_all_that_is_not_as_asked()
    {
        var fitting = Begin();
        var techniques = fitting.Plan.Rung.Techniques;
        while (fitting.StepDown(GenerationPhase.Denoising, techniques) is { } lower)
        {
            techniques = lower;
        }

        Assert.True(fitting.TryBelow());

        Assert.True(steps[^1].Replanned);
        Assert.True(fitting.Plan.Settings.NumFrames < 16 || fitting.Plan.Settings.Width < 512);
        Assert.DoesNotContain(fitting.Degradations, change => change.Code == "rung_lowered");
        var applied = fitting.Apply(new JobSettings { Width = 512, Height = 512, NumFrames = 16, Prompt = "kept" });
        Assert.Equal((fitting.Plan.Settings.Width, fitting.Plan.Settings.NumFrames, "kept"), (applied.Width, applied.NumFrames, applied.Prompt));
    }

    [Fact]
    public void What_memory_ran_out_in_is_learned_as_it_was_tried()
    {
        var fitting = Begin();

        fitting.RanOut(new MemoryShortage(GenerationPhase.Denoising, fitting.Plan.Rung.Techniques, 9_000_000_000));

        Assert.Equal([PlanSamples.Shortage(Rung.Resident, PlanSamples.Film512, GenerationPhase.Denoising, 9_000_000_000)], learned);
    }

    [Fact]
    public void Bytes_that_nobody_counted_and_techniques_of_another_plan_teach_nothing()
    {
        var fitting = Begin();

        fitting.RanOut(new MemoryShortage(GenerationPhase.Denoising, fitting.Plan.Rung.Techniques, NeededBytes: null));
        fitting.RanOut(new MemoryShortage(GenerationPhase.Denoising, new Techniques { SerialGuidance = true }, 9_000_000_000));

        Assert.Empty(learned);
    }

    [Fact]
    public void A_step_down_says_what_was_needed_and_not_what_was_predicted()
    {
        card = PlanSamples.Card(4.0);
        var fitting = Begin();
        fitting.RanOut(new MemoryShortage(GenerationPhase.Denoising, fitting.Plan.Rung.Techniques, 4_500_000_000));

        fitting.StepDown(GenerationPhase.Denoising, fitting.Plan.Rung.Techniques);

        var change = Assert.Single(fitting.Degradations);
        Assert.True(change.NeededBytes > 4_500_000_000, $"{change.NeededBytes}");
        Assert.True(change.NeededBytes > change.FreeBytes);
    }

    [Fact]
    public void After_a_failed_load_the_plan_goes_on_at_a_rung_that_loads_with_less()
    {
        var fitting = Begin();
        fitting.RanOut(new MemoryShortage(GenerationPhase.Loading, fitting.Plan.Rung.Techniques, 30_000_000_000));

        Assert.True(fitting.TryBelow());

        Assert.Equal((GenerationPhase.Loading, Rung.EncodersReleased, true), (steps[^1].Phase, fitting.Plan.Rung.Name, steps[^1].Replanned));
        Assert.Equal(Rung.EncodersReleased, Begin().Plan.Rung.Name);
    }

    private JobFitting Begin(FitRules? rules = null) =>
        new(PlanSamples.Film512, () => new Planner(PlanSamples.I2VGenXl, card, rules ?? FitRules.Default, [], learned), learned.Add) { Stepped = steps.Add };
}
