using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>When something went on, by the device's clock.</summary>
/// <param name="Unit">Of the network.</param>
/// <param name="IsCopy">Its weights' copy; else its run.</param>
/// <param name="StartMs">Milliseconds since the recording began.</param>
/// <param name="EndMs">Milliseconds since the recording began.</param>
internal sealed record StreamSpan(string Unit, bool IsCopy, double StartMs, double EndMs)
{
    public double Ms => EndMs - StartMs;
}

/// <summary>What a streamed network's copies and runs took, and how much of the copying its computing hid.</summary>
/// <param name="Spans">Runs follow one another, and so do copies.</param>
internal sealed record StreamTrace(IReadOnlyList<StreamSpan> Spans)
{
    public double CopyMs => Spans.Where(span => span.IsCopy).Sum(span => span.Ms);

    /// <summary>From a unit's turn, its weights there, to its end.</summary>
    public double RunMs => Spans.Where(span => !span.IsCopy).Sum(span => span.Ms);

    /// <summary>From the first beginning to the last end.</summary>
    public double WallMs => Spans.Count == 0 ? 0 : Spans.Max(span => span.EndMs) - Spans.Min(span => span.StartMs);

    /// <summary>Copying while a unit ran.</summary>
    public double HiddenCopyMs
    {
        get
        {
            var runs = Spans.Where(span => !span.IsCopy).ToList();
            return Spans.Where(span => span.IsCopy)
                .Sum(copy => runs.Sum(run => Math.Max(0, Math.Min(copy.EndMs, run.EndMs) - Math.Max(copy.StartMs, run.StartMs))));
        }
    }

    /// <summary>0 … 1; 1 when nothing was copied.</summary>
    public double HiddenShare => CopyMs > 0 ? HiddenCopyMs / CopyMs : 1;
}

/// <summary>Notes when copies and runs go on.</summary>
internal sealed class StreamRecorder
{
    private readonly IStreamMarks marks;
    private readonly List<(string Unit, bool IsCopy, int Start, int End)> noted = [];

    /// <param name="marks">The device's clock, which is set to 0.</param>
    public StreamRecorder(IStreamMarks marks)
    {
        this.marks = marks;
        marks.ClearMarks();
        marks.Mark(isCopies: false);
    }

    /// <summary>Notes a copy or a run that is asked for meanwhile, unless it fails.</summary>
    public void Around(string unit, bool isCopy, Action what)
    {
        var start = marks.Mark(isCopy);
        what();
        noted.Add((unit, isCopy, start, marks.Mark(isCopy)));
    }

    /// <summary>What was noted, once the device has done it all. Ends the recording.</summary>
    public StreamTrace Read()
    {
        var trace = new StreamTrace([.. noted.Select(span => new StreamSpan(span.Unit, span.IsCopy, marks.MillisecondsAt(span.Start), marks.MillisecondsAt(span.End)))]);
        marks.ClearMarks();
        return trace;
    }
}
