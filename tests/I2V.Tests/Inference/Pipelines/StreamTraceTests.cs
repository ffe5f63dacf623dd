using I2V.Inference.Native;
using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class StreamTraceTests
{
    [Fact]
    public void A_copy_is_hidden_as_far_as_something_ran_meanwhile()
    {
        var trace = new StreamTrace(
        [
            new StreamSpan("a", IsCopy: true, 0, 2),
            new StreamSpan("a", IsCopy: false, 2, 6),
            new StreamSpan("b", IsCopy: true, 2, 5),
            new StreamSpan("b", IsCopy: false, 7, 10),
            new StreamSpan("c", IsCopy: true, 5, 9),
        ]);

        Assert.Equal((9, 7, 10), (trace.CopyMs, trace.RunMs, trace.WallMs));
        Assert.Equal(3 + 1 + 2, trace.HiddenCopyMs);
        Assert.Equal(6 / 9.0, trace.HiddenShare, 1e-12);
    }

    [Fact]
    public void Where_nothing_was_copied_everything_is_hidden()
    {
        Assert.Equal(1, new StreamTrace([new StreamSpan("a", IsCopy: false, 0, 1)]).HiddenShare);
        Assert.Equal(0, new StreamTrace([]).WallMs);
    }

    [Fact]
    public void A_recorder_marks_copies_in_their_own_queue_and_what_fails_not_at_all()
    {
        var marks = new CountingMarks();
        var recorder = new StreamRecorder(marks);
        recorder.Around("a", isCopy: true, () => marks.Mark(isCopies: true));
        Assert.Throws<TimeoutException>(() => recorder.Around("b", isCopy: false, () => throw new TimeoutException()));
        recorder.Around("b", isCopy: false, () => { });

        var trace = recorder.Read();

        Assert.Equal([new StreamSpan("a", true, 10, 30), new StreamSpan("b", false, 50, 60)], trace.Spans);
        Assert.Equal([false, true, true, true, false, false, false], marks.Asked);
        Assert.Equal(2, marks.Cleared);
    }

    /// <summary>Each mark is ten milliseconds after the one before.</summary>
    private sealed class CountingMarks : IStreamMarks
    {
        public List<bool> Asked { get; } = [];

        public int Cleared { get; private set; }

        public int Mark(bool isCopies)
        {
            Asked.Add(isCopies);
            return Asked.Count - 1;
        }

        public double MillisecondsAt(int mark) => 10 * mark;

        public void ClearMarks() => Cleared++;
    }
}
