using I2V.Cli.Testing;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli.Install;

public sealed class TestOutcomeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_closing_line_counts_what_the_reports_say()
    {
        var outcome = new TestOutcome();
        outcome.Add(Read("""<test name="a" result="Pass" /><test name="b" result="Pass" />""", exitCode: 0));
        outcome.Add(Read("""<test name="c" result="Fail"><failure><message>why</message></failure></test><test name="d" result="Skip" /><test name="e" result="NotRun" />""", exitCode: 1));
        Assert.Equal("2 passed, 1 failed, 1 skipped", outcome.ClosingLine);
        Assert.False(outcome.IsGood);
        Assert.Contains("why", Assert.Single(outcome.Failures).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_fixture_is_a_failure()
    {
        var outcome = Read("""<test name="a" result="Pass" />""", exitCode: 1, """<errors><error type="test-class-cleanup" name="X"><failure><message>cannot close</message></failure></error></errors>""");
        Assert.Equal("1 passed, 1 failed, 0 skipped", outcome.ClosingLine);
        Assert.Contains("cannot close", Assert.Single(outcome.Failures).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_test_program_that_crashed_is_a_failure()
    {
        var outcome = TestOutcome.Read("I2V.Tests", folder.File("missing.xml"), exitCode: 139);
        Assert.Equal("0 passed, 1 failed, 0 skipped", outcome.ClosingLine);
        Assert.Contains("139", Assert.Single(outcome.Failures).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_exit_code_without_a_failed_test_is_a_failure() =>
        Assert.False(Read("""<test name="a" result="Pass" />""", exitCode: 3).IsGood);

    [Fact]
    public void No_test_at_all_is_not_a_success() => Assert.False(Read("", exitCode: 0).IsGood);

    [Fact]
    public void Passed_and_skipped_tests_are_a_success() =>
        Assert.True(Read("""<test name="a" result="Pass" /><test name="b" result="Skip" />""", exitCode: 0).IsGood);

    private TestOutcome Read(string tests, int exitCode, string errors = "")
    {
        var file = folder.File("report.xml");
        File.WriteAllText(file, $"<assemblies><assembly>{errors}<collection>{tests}</collection></assembly></assemblies>");
        return TestOutcome.Read("suite", file, exitCode);
    }
}
