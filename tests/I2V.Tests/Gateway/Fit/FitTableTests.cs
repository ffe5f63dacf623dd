using I2V.Gateway.Fit;
using I2V.Protocol.Jobs;

namespace I2V.Tests.Gateway.Fit;

public sealed class FitTableTests
{
    [Theory]
    [InlineData(FitPolicy.Degrade)]
    [InlineData(FitPolicy.Wait)]
    [InlineData(FitPolicy.Fail)]
    public void A_size_of_the_table_takes_its_first_row_that_the_policy_allows(FitPolicy policy)
    {
        var verdict = FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(512, 512, 16, policy));

        Assert.Equal((FitAnswer.Fits, "encoders_released"), (verdict.Answer, verdict.Row!.Rung));
    }

    [Fact]
    public void A_size_between_two_of_the_table_is_judged_by_the_larger_one()
    {
        var verdict = FitTable.Judge(Tables.Model(Tables.Large), Tables.Ask(640, 448, 20));

        Assert.Equal((FitAnswer.Fits, 768), (verdict.Answer, verdict.Row!.Width));
    }

    [Fact]
    public void A_strict_job_cannot_have_what_a_smaller_one_could_not()
    {
        var verdict = FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(896, 896, 24, FitPolicy.Wait));

        Assert.Equal((FitAnswer.Cannot, 768), (verdict.Answer, verdict.Row!.Width));
        Assert.Equal(FitAnswer.Cannot, FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(768, 768, 24, FitPolicy.Fail)).Answer);
    }

    [Fact]
    public void Between_what_fits_and_what_does_not_a_strict_job_is_unknown()
    {
        Assert.Equal(FitVerdict.Unknown, FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(640, 640, 16, FitPolicy.Wait)));
    }

    [Fact]
    public void Above_the_whole_table_and_without_a_table_nothing_is_known()
    {
        Assert.Equal(FitVerdict.Unknown, FitTable.Judge(Tables.Model(Tables.Large), Tables.Ask(1024, 1024, 33)));
        Assert.Equal(FitVerdict.Unknown, FitTable.Judge(Tables.Model([]), Tables.Ask(64, 64, 1, FitPolicy.Fail)));
    }

    [Fact]
    public void A_job_that_may_be_degraded_cannot_run_where_no_rung_is_left()
    {
        Assert.Equal(FitAnswer.Cannot, FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(1024, 1024, 32)).Answer);
        Assert.Equal(FitAnswer.Fits, FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(768, 768, 24)).Answer);
    }

    [Fact]
    public void Floors_rule_a_row_out_that_goes_below_them()
    {
        var verdict = FitTable.Judge(Tables.Model(Tables.Small), Tables.Ask(768, 768, 24, floors: new JobFit { MinWidth = 640 }));

        Assert.Equal(FitVerdict.Unknown, verdict);
    }

    [Fact]
    public void An_unguided_film_takes_no_more_than_a_guided_one()
    {
        var unguided = Tables.Ask(512, 512, 16) with { Guided = false };

        Assert.Equal(FitAnswer.Fits, FitTable.Judge(Tables.Model(Tables.Large), unguided).Answer);
        Assert.Equal(FitAnswer.Unknown, FitTable.Judge(Tables.Model([Tables.Row(512, 512, 16, 4, "resident") with { Guided = false }]), Tables.Ask(512, 512, 16)).Answer);
    }

    [Theory]
    [InlineData(768, 768, 24, 512, 512, 16)]
    [InlineData(512, 256, 24, 512, 256, 16)]
    [InlineData(1024, 512, 20, 720, 360, 16)]
    public void A_film_is_cut_to_the_pixels_of_the_row_in_its_own_shape(int width, int height, int frames, int toWidth, int toHeight, int toFrames)
    {
        var model = Tables.Model(Tables.Small);

        Assert.Equal(new FilmExtent(toWidth, toHeight, toFrames), FitTable.Applied(Tables.Small[2], model.Limits, Tables.Ask(width, height, frames)));
    }

    [Fact]
    public void The_least_bytes_are_those_of_the_cheapest_exact_row_that_is_not_above_the_film()
    {
        Assert.Equal(3 * Tables.Gb, FitTable.LeastBytes(Tables.Model(Tables.Small), Tables.Ask(512, 512, 16)));
        Assert.Equal(13 * Tables.Gb, FitTable.LeastBytes(Tables.Model(Tables.Large), Tables.Ask(896, 896, 24)));
        Assert.Null(FitTable.LeastBytes(Tables.Model(Tables.Large), Tables.Ask(256, 256, 16)));
    }
}
