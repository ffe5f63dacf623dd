using I2V.Inference.Planning;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Carries out the phases of one run. Want of the device's memory is not an error but a rung: what the phase held is
/// released, who planned the run is asked for techniques that need less, and the phase begins again with those.
/// </summary>
/// <param name="request">Says the techniques to begin with, and who is told and asked when memory runs out.</param>
/// <param name="enter">Makes networks and memory ready for a phase with some techniques, before each try.</param>
/// <param name="release">Gives idle memory back, so that who is asked sees what there is.</param>
/// <param name="time">Measures the phases.</param>
internal sealed class PhaseAttempts(
    GenerationRequest request, Action<GenerationPhase, Techniques> enter, Action release, TimeProvider time)
{
    private readonly Dictionary<GenerationPhase, double> seconds = [];
    private (GenerationPhase Phase, Techniques Techniques)? entered;

    /// <summary>Those in use.</summary>
    public Techniques Techniques { get; private set; } = request.Techniques;

    public int StepsDown { get; private set; }

    public IReadOnlyDictionary<GenerationPhase, double> Seconds => seconds;

    /// <summary>Does a phase, or a part of one that can be repeated by itself, until it succeeds or the ladder ends.</summary>
    /// <exception cref="GenerationException">What <paramref name="work"/> failed with; want of memory only when nothing smaller is left.</exception>
    public T Run<T>(GenerationPhase phase, Func<Techniques, T> work)
    {
        while (true)
        {
            var start = time.GetTimestamp();
            try
            {
                return Try(phase, work);
            }
            catch (GenerationException error) when (error.Error == GenerationError.OutOfDeviceMemory)
            {
                entered = null;
                release();
                request.RanOut?.Invoke(new MemoryShortage(phase, Techniques, error.NeededBytes));
                if (request.StepDown?.Invoke(phase, Techniques) is not { } next || next == Techniques)
                {
                    throw;
                }

                Techniques = next;
                StepsDown++;
            }
            finally
            {
                seconds[phase] = seconds.GetValueOrDefault(phase) + time.GetElapsedTime(start).TotalSeconds;
            }
        }
    }

    private T Try<T>(GenerationPhase phase, Func<Techniques, T> work)
    {
        if (entered != (phase, Techniques))
        {
            enter(phase, Techniques);
            entered = (phase, Techniques);
        }

        return work(Techniques);
    }
}
