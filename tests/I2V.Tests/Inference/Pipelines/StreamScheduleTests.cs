using I2V.Inference.Pipelines;

namespace I2V.Tests.Inference.Pipelines;

public sealed class StreamScheduleTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void The_next_unit_is_on_its_way_before_the_present_one_is_waited_for()
    {
        var units = new LoggedUnits(4);
        var schedule = new StreamSchedule(units);

        schedule.Run(units.Run, Ct);
        Assert.Equal(
            [
                "begin 0", "begin 1", "wait 0", "run 0", "ran 0",
                "drop 0", "begin 2", "wait 1", "run 1", "ran 1",
                "drop 1", "begin 3", "wait 2", "run 2", "ran 2",
                "drop 2", "begin 0", "wait 3", "run 3", "ran 3", "finish",
            ],
            units.TakeLog());

        schedule.Run(units.Run, Ct);
        Assert.Equal(["drop 3", "begin 1", "wait 0", "run 0", "ran 0", "drop 0", "begin 2"], units.TakeLog()[..7]);
    }

    [Fact]
    public void Where_the_last_unit_has_the_first_one_s_slot_the_first_one_follows_when_it_has_ended()
    {
        var units = new LoggedUnits(5);
        var schedule = new StreamSchedule(units);

        schedule.Run(units.Run, Ct);
        Assert.Equal(
            ["drop 2", "begin 4", "wait 3", "run 3", "ran 3", "wait 4", "run 4", "ran 4", "drop 4", "begin 0", "finish"], units.TakeLog()[^11..]);

        schedule.Run(units.Run, Ct);
        Assert.Equal(["drop 3", "begin 1", "wait 0", "run 0", "ran 0", "drop 0", "begin 2"], units.TakeLog()[..7]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_fits_is_brought_once(int count)
    {
        var units = new LoggedUnits(count);
        var schedule = new StreamSchedule(units);
        for (var step = 0; step < 3; step++)
        {
            schedule.Run(units.Run, Ct);
        }

        Assert.Equal(count, units.TakeLog().Count(line => line.StartsWith("begin", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(7)]
    public void Whatever_fails_and_whenever_no_slot_is_written_by_two_or_read_while_it_is_written(int count)
    {
        var random = new Random(count);
        var units = new LoggedUnits(count);
        var schedule = new StreamSchedule(units);
        var (whole, broken) = (0, 0);
        for (var step = 0; step < 300; step++)
        {
            units.FailingCall = random.Next(2) == 0 ? random.Next((5 * count) + 1) : null;
            using var cancel = new CancellationTokenSource();
            var cancelled = random.Next(4) == 0 ? random.Next(count) : -1;
            try
            {
                schedule.Run(
                    unit =>
                    {
                        units.Run(unit);
                        if (unit == cancelled)
                        {
                            cancel.Cancel();
                        }
                    },
                    cancel.Token);
                whole++;
            }
            catch (Exception error) when (error is OperationCanceledException or TimeoutException)
            {
                broken++;
                Assert.Empty(units.Held);
            }
        }

        Assert.True(whole > 50 && broken > 50, $"{whole} runs were whole, {broken} were not.");
    }

    [Fact]
    public void A_cancelled_run_begins_no_further_unit_and_leaves_nothing_under_way()
    {
        var units = new LoggedUnits(5);
        using var cancel = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => new StreamSchedule(units).Run(
            unit =>
            {
                units.Run(unit);
                cancel.Cancel();
            },
            cancel.Token));

        Assert.Equal(["begin 0", "begin 1", "wait 0", "run 0", "ran 0", "settle", "drop 0", "drop 1"], units.TakeLog());
    }

    [Fact]
    public void A_second_run_is_refused_while_one_goes_on()
    {
        var units = new LoggedUnits(3);
        var schedule = new StreamSchedule(units);

        schedule.Run(
            unit =>
            {
                var error = Assert.Throws<InvalidOperationException>(() => schedule.Run(_ => { }, Ct));
                Assert.Contains("a second run cannot begin", error.Message, StringComparison.Ordinal);
                units.Run(unit);
            },
            Ct);

        schedule.Run(units.Run, Ct);
        Assert.Equal(6, units.TakeLog().Count(line => line.StartsWith("run ", StringComparison.Ordinal)));
    }

    /// <summary>Notes what is asked, and refuses what a device would not survive.</summary>
    private sealed class LoggedUnits(int count) : IUnitWeights
    {
        private readonly List<string> log = [];
        private readonly HashSet<int> underWay = [];
        private readonly HashSet<int> there = [];
        private int calls;

        public int Count => count;

        /// <summary>The number of the call that fails, counted anew from when it is set.</summary>
        public int? FailingCall
        {
            get;
            set
            {
                field = value;
                calls = 0;
            }
        }

        public IEnumerable<int> Held => underWay.Concat(there);

        public List<string> TakeLog()
        {
            var taken = log.ToList();
            log.Clear();
            return taken;
        }

        public void Begin(int unit)
        {
            Note("begin", unit);
            Assert.DoesNotContain(Held, other => other % 2 == unit % 2);
            underWay.Add(unit);
        }

        public void Wait(int unit)
        {
            Note("wait", unit);
            Assert.Contains(unit, Held);
            underWay.Remove(unit);
            there.Add(unit);
        }

        public void Run(int unit)
        {
            Note("run", unit);
            Assert.Contains(unit, there);
            var next = (unit + 1) % count;
            Assert.True(next % 2 == unit % 2 || Held.Contains(next), "The next unit is not on its way.");
        }

        public void Ran(int unit)
        {
            Note("ran", unit);
            Assert.Contains(unit, there);
        }

        public void Finish() => Note("finish");

        public void Drop(int unit)
        {
            log.Add($"drop {unit}");
            Assert.DoesNotContain(unit, underWay);
            Assert.True(there.Remove(unit), "Dropped what was not there.");
        }

        public void Settle()
        {
            log.Add("settle");
            there.UnionWith(underWay);
            underWay.Clear();
        }

        private void Note(string what, int unit) => Note($"{what} {unit}");

        private void Note(string call)
        {
            log.Add(call);
            if (calls++ == FailingCall)
            {
                throw new TimeoutException($"{call} fails.");
            }
        }
    }
}
