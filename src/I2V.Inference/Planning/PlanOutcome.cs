using System.Diagnostics.CodeAnalysis;

namespace I2V.Inference.Planning;

/// <summary>A plan, or why there is none: always one of the two.</summary>
public sealed record PlanOutcome
{
    private PlanOutcome(Plan? plan, PlanRefusal? refusal) => (Plan, Refusal) = (plan, refusal);

    public Plan? Plan { get; }

    public PlanRefusal? Refusal { get; }

    [MemberNotNullWhen(true, nameof(Plan))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsPlanned => Plan is not null;

    internal static PlanOutcome Of(Plan plan) => new(plan, refusal: null);

    internal static PlanOutcome Of(PlanRefusal refusal) => new(plan: null, refusal);
}
