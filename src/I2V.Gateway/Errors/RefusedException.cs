namespace I2V.Gateway.Errors;

/// <summary>Carries a refusal out of the depth of a reader or a fetch, where a return value would hide the happy path.</summary>
internal sealed class RefusedException(ProblemResult problem) : Exception(problem.Detail)
{
    public ProblemResult Problem { get; } = problem;
}
