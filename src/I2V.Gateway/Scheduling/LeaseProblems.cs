using I2V.Gateway.Errors;

namespace I2V.Gateway.Scheduling;

internal static class LeaseProblems
{
    public static ProblemResult Gone() =>
        Problems.Conflict("This attempt no longer holds the job's lease. Stop the work, delete its scratch files and say nothing more.");
}
