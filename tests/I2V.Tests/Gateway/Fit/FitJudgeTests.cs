using I2V.Gateway.Fit;
using I2V.Protocol.Bus;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.Tests.Gateway.Fit;

public sealed class FitJudgeTests
{
    private readonly FleetWorker small = Tables.Worker("small", 8, Tables.Small);
    private readonly FleetWorker large = Tables.Worker("large", 24, Tables.Large);

    [Fact]
    public void Everybody_who_can_is_able_and_who_cannot_is_told_with_bytes()
    {
        var opinion = FitJudge.Judge([small, large], Case(Tables.Ask(768, 768, 24, FitPolicy.Wait)));

        Assert.Equal("large", Assert.Single(opinion.Able).Worker.Name);
        var why = Assert.Single(opinion.WhyNot);
        Assert.Equal(("small", ErrorCode.VramInsufficient, 9 * Tables.Gb, 7 * Tables.Gb), (why.Worker, why.Code, why.NeededBytes, why.FreeBytes));
        Assert.Equal(["small: needs 9.0 GB, has 7.0 GB free"], FitJudge.Sentences(opinion.WhyNot));
        Assert.False(opinion.IsHopeless);
    }

    [Fact]
    public void A_refusal_that_stands_counts_more_than_the_table()
    {
        var refusal = new StandingRefusal(large.Id, large.Name, ErrorCode.RamInsufficient, 20 * Tables.Gb, (long)(7.6 * Tables.Gb));

        var opinion = FitJudge.Judge([large], Case(Tables.Ask(512, 512, 16)) with { Refusals = [refusal] });

        Assert.True(opinion.IsHopeless);
        Assert.Equal(ErrorCode.RamInsufficient, opinion.Code);
        Assert.Equal(["large: needs 20.0 GB of system memory, has 7.6 GB free"], FitJudge.Sentences(opinion.WhyNot));
    }

    [Fact]
    public void Where_a_rule_decides_no_bytes_are_told()
    {
        var refusal = new StandingRefusal(large.Id, large.Name, ErrorCode.VramInsufficient, 5 * Tables.Gb, 7 * Tables.Gb);

        var why = Assert.Single(FitJudge.Judge([large], Case(Tables.Ask(512, 512, 16)) with { Refusals = [refusal] }).WhyNot);

        Assert.Equal((null, null, "does not make such a film, whatever is free"), (why.NeededBytes, why.FreeBytes, why.Message));
    }

    [Fact]
    public void Different_reasons_make_it_a_matter_of_the_cards()
    {
        var refusal = new StandingRefusal(large.Id, large.Name, ErrorCode.RamInsufficient, 20 * Tables.Gb, Tables.Gb);

        var opinion = FitJudge.Judge([small, large], Case(Tables.Ask(768, 768, 24, FitPolicy.Fail)) with { Refusals = [refusal] });

        Assert.True(opinion.IsHopeless);
        Assert.Equal(ErrorCode.VramInsufficient, opinion.Code);
    }

    [Fact]
    public void Nobody_or_only_who_is_draining_is_no_reason_to_give_up()
    {
        var question = Tables.Ask(512, 512, 16, FitPolicy.Fail);

        Assert.False(FitJudge.Judge([], Case(question)).IsHopeless);
        var draining = FitJudge.Judge([Tables.Worker("tired", 24, Tables.Large, isDraining: true)], Case(question));
        Assert.False(draining.IsHopeless);
        Assert.Equal(FitJudge.Draining, Assert.Single(draining.WhyNot).Code);
    }

    [Fact]
    public void A_card_below_what_the_job_is_known_to_need_is_not_able()
    {
        var job = Case(Tables.Ask(768, 768, 16, FitPolicy.Wait)) with { NeededBytes = 9 * Tables.Gb, Lane = Lanes.ForNeed("lab", 9 * Tables.Gb) };

        var why = Assert.Single(FitJudge.Judge([Tables.Worker("tiny", 6, []), large], job).WhyNot);

        Assert.Equal(("tiny", 9 * Tables.Gb, 6 * Tables.Gb), (why.Worker, why.NeededBytes, why.FreeBytes));
    }

    [Fact]
    public void The_least_bytes_of_a_fleet_are_those_of_whoever_needs_least()
    {
        var strict = Tables.Ask(512, 512, 16, FitPolicy.Wait);

        Assert.Equal(3 * Tables.Gb, FitJudge.LeastBytes([small, large], "lab", strict));
        Assert.Equal(13 * Tables.Gb, FitJudge.LeastBytes([large], "lab", Tables.Ask(768, 768, 24, FitPolicy.Wait)));
        Assert.Equal(9 * Tables.Gb, FitJudge.LeastBytes([small, large], "lab", Tables.Ask(768, 768, 24, FitPolicy.Wait)));
        Assert.Null(FitJudge.LeastBytes([small, large], "lab", Tables.Ask(512, 512, 16)));
        Assert.Null(FitJudge.LeastBytes([small, Tables.Worker("silent", 24, [])], "lab", strict));
        Assert.Null(FitJudge.LeastBytes([small, large], "another", strict));
    }

    [Fact]
    public void Many_workers_are_told_in_a_few_sentences()
    {
        var crowd = Enumerable.Range(0, 20).Select(i => Tables.Worker($"small-{i}", 8, Tables.Small)).ToArray();

        var sentences = FitJudge.Sentences(FitJudge.Judge(crowd, Case(Tables.Ask(768, 768, 24, FitPolicy.Wait))).WhyNot).ToArray();

        Assert.Equal(9, sentences.Length);
        Assert.Equal("and 12 more workers", sentences[^1]);
    }

    [Theory]
    [InlineData(3.0, "i2v.lane.lab")]
    [InlineData(7.6, "i2v.lane.lab.8gb")]
    [InlineData(9.0, "i2v.lane.lab.8gb")]
    [InlineData(11.5, "i2v.lane.lab.12gb")]
    [InlineData(200, "i2v.lane.lab.80gb")]
    public void A_lane_leaves_no_card_out_that_would_do(double neededGb, string lane)
    {
        var needed = (long)Math.Ceiling(neededGb * Tables.Gb);

        Assert.Equal(lane, Lanes.ForNeed("lab", needed));
        Assert.Contains(lane, Lanes.Served(["lab"], needed));
    }

    private static FitCase Case(FitQuestion question) => new() { Model = "lab", Lane = Lanes.ForModel("lab"), Question = question };
}
