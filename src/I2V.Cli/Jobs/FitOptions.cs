using System.CommandLine;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>What may be done when a film does not fit a card: the same options for <c>submit</c>, <c>estimate</c> and <c>render</c>.</summary>
internal sealed class FitOptions
{
    private const string Degrade = "degrade";
    private const string Wait = "wait";
    private const string Fail = "fail";

    private readonly Option<string?> policy;
    private readonly Option<int?> minWidth = Floor("--min-width", "Pixels that degrade leaves the film at least.");
    private readonly Option<int?> minHeight = Floor("--min-height", "Pixels that degrade leaves the film at least.");
    private readonly Option<int?> minFrames = Floor("--min-frames", "Frames that degrade leaves the film at least. Default: 8.");

    private FitOptions(string description, params string[] policies)
    {
        policy = new Option<string?>("--policy") { Description = description, HelpName = string.Join('|', policies) };
        policy.AcceptOnlyFromAmong(policies);
    }

    public static FitOptions ForJobs() => new(
        "When the film fits no card: degrade makes it smaller and says so, wait keeps the job until a card can make it as it is, fail ends it. Default: degrade.",
        Degrade, Wait, Fail);

    /// <summary>Without <c>wait</c>: nobody else comes to make the film.</summary>
    public static FitOptions ForRender() => new(
        "When the film does not fit the device: degrade makes it smaller and says so, fail ends. Default: degrade.", Degrade, Fail);

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[policy, minWidth, minHeight, minFrames])
        {
            command.Add(option);
        }
    }

    /// <summary>Null when nothing was given.</summary>
    public JobFit? Read(ParseResult parsed)
    {
        var fit = new JobFit
        {
            Policy = parsed.GetValue(policy) switch
            {
                Wait => FitPolicy.Wait,
                Fail => FitPolicy.Fail,
                _ => FitPolicy.Degrade,
            },
            MinWidth = parsed.GetValue(minWidth),
            MinHeight = parsed.GetValue(minHeight),
            MinFrames = parsed.GetValue(minFrames),
        };
        return fit == new JobFit() ? null : fit;
    }

    private static Option<int?> Floor(string name, string description) => SettingOptions.Number<int>(name, description, "N", least: 1);
}
