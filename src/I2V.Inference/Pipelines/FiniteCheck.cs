namespace I2V.Inference.Pipelines;

/// <summary>Stops a run whose numbers are lost, instead of encoding a black film.</summary>
internal static class FiniteCheck
{
    /// <param name="values">What a network made.</param>
    /// <param name="phase">When, for the message.</param>
    /// <param name="what">What it is, for the message.</param>
    /// <exception cref="GenerationException">A value is infinite or not a number.</exception>
    public static void Require(ReadOnlySpan<float> values, GenerationPhase phase, string what)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
            {
                throw new GenerationException(
                    GenerationError.InferenceFailed,
                    $"While {phase.ToString().ToLowerInvariant()}, {what} came out as {value}, not as a finite number: the model's weights are damaged, or its precision is too small for this request.");
            }
        }
    }
}
