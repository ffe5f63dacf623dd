using System.Text.Json.Nodes;
using I2V.Inference.Models;

namespace I2V.GpuProof;

/// <summary>
/// A whole job on a card of so many GB, as the worker makes it: look at the card, plan, load, warm up, film. The rest of the
/// card is held by a neighbour, who may also come in the middle of the job. On the processor the card is a limit that was set.
/// </summary>
internal static class MeasureCard
{
    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        using var deadline = new Deadline(report, TimeSpan.FromSeconds(options.LimitSeconds));
        var package = ModelPackage.Open(folder);
        foreach (var card in options.CardsGb)
        {
            foreach (var size in options.Sizes)
            {
                report.Stage(Key(card, size), () => Job(package, card, size, options, report, deadline.Token));
            }
        }

        return report.Finish();
    }

    private static JsonNode Job(ModelPackage package, double gb, FilmSize size, Options options, Report report, CancellationToken ct)
    {
        if (options is { Provider: "cpu", SqueezeToBytes: not null })
        {
            throw new ArgumentException("--squeeze needs a GPU: no neighbour takes the processor's memory.");
        }

        using var card = new SimulatedCard(gb, options.Provider, report);
        return new CardJob(package, card, size, options, report, ct).Run();
    }

    /// <summary>Of the report's entry.</summary>
    public static string Key(double card, FilmSize size) => FormattableString.Invariant($"card {card} GB {size}");
}
