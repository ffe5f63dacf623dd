using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace I2V.Cli.Testing;

/// <summary>What test programs reported, added up.</summary>
internal sealed class TestOutcome
{
    private readonly List<TestFailure> failures = [];

    public int Passed { get; private set; }

    public int Skipped { get; private set; }

    public IReadOnlyList<TestFailure> Failures => failures;

    public int Total => Passed + Skipped + failures.Count;

    /// <summary>No test at all is not a success: it is what a broken filter or build looks like.</summary>
    public bool IsGood => failures.Count == 0 && Total > 0;

    public string ClosingLine => string.Create(CultureInfo.InvariantCulture, $"{Passed} passed, {failures.Count} failed, {Skipped} skipped");

    /// <summary>Reads a report of xunit. A program that ended badly without a failed test counts as one failure.</summary>
    public static TestOutcome Read(string suite, string report, int exitCode)
    {
        var outcome = new TestOutcome();
        try
        {
            outcome.ReadReport(XDocument.Load(report));
        }
        catch (Exception error) when (error is XmlException or IOException)
        {
            outcome.failures.Add(new TestFailure(suite, string.Create(CultureInfo.InvariantCulture, $"The test program ended with exit code {exitCode} and left no report: {error.Message}")));
        }

        if (exitCode != 0 && outcome.failures.Count == 0)
        {
            outcome.failures.Add(new TestFailure(suite, string.Create(CultureInfo.InvariantCulture, $"The test program ended with exit code {exitCode} although no test failed.")));
        }

        return outcome;
    }

    public void Add(TestOutcome other)
    {
        Passed += other.Passed;
        Skipped += other.Skipped;
        failures.AddRange(other.failures);
    }

    private void ReadReport(XDocument report)
    {
        foreach (var test in report.Descendants("test"))
        {
            switch (test.Attribute("result")?.Value)
            {
                case "Pass":
                    Passed++;
                    break;
                case "Skip":
                    Skipped++;
                    break;
                case "Fail":
                    failures.Add(new TestFailure(test.Attribute("name")!.Value, Describe(test.Element("failure"))));
                    break;
            }
        }

        // What broke outside of a test: a fixture, a class's clean-up.
        failures.AddRange(report.Descendants("error").Select(error =>
            new TestFailure($"{error.Attribute("type")?.Value} {error.Attribute("name")?.Value}".Trim(), Describe(error.Element("failure")))));
    }

    private static string Describe(XElement? failure) =>
        $"{failure?.Element("message")?.Value.Trim()}{Environment.NewLine}{failure?.Element("stack-trace")?.Value.TrimEnd()}";
}

internal sealed record TestFailure(string Test, string Message);
