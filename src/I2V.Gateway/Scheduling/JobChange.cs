namespace I2V.Gateway.Scheduling;

/// <summary>What is to change about a job; null leaves it as it is.</summary>
/// <param name="Priority">−10 … 10, never more than the tenant may have.</param>
/// <param name="Tags">All of them: those that are not named are gone.</param>
/// <param name="Hold">True keeps the job from being claimed, false lets it go.</param>
internal sealed record JobChange(int? Priority = null, IReadOnlyDictionary<string, string>? Tags = null, bool? Hold = null);

/// <summary>What became of a change.</summary>
internal abstract record ChangeResult
{
    private ChangeResult()
    {
    }

    /// <summary>The job is as asked for, also where it was so before.</summary>
    public sealed record Changed : ChangeResult;

    public sealed record NotFound : ChangeResult;

    /// <summary>The job does not wait, and nothing of it was changed.</summary>
    /// <param name="State">Where it stands.</param>
    public sealed record Refused(string State) : ChangeResult;
}
