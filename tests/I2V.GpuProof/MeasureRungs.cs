using I2V.Inference.Models;
using I2V.Inference.Planning;

namespace I2V.GpuProof;

/// <summary>
/// Rungs of the ladder at a size: what the planner predicts, what the whole process takes by the driver's count, how long a
/// film takes. What libraries keep of an earlier rung counts against the next one in the same process: see <see cref="EachAlone"/>.
/// </summary>
internal static class MeasureRungs
{
    /// <summary>Seconds are told of a clip of so many steps.</summary>
    public const int ClipSteps = 50;

    public static int Run(string folder, string output, Options options)
    {
        var report = new Report(output);
        using var deadline = new Deadline(report, TimeSpan.FromSeconds(options.LimitSeconds));
        var memory = new ProcessMemory(options.Provider);
        var package = ModelPackage.Open(folder);
        foreach (var rung in Chosen(package.Manifest, options))
        {
            report.Stage($"load {rung.Key.Name}", () => new RungFilms(package, options, memory, report, deadline.Token).Measure([.. rung]));
        }

        return report.Finish();
    }

    /// <summary>The rungs that were asked for, the least frugal first, each with the sizes that have it.</summary>
    public static IEnumerable<IGrouping<Rung, (FilmSize Size, Rung Rung)>> Chosen(ModelManifest manifest, Options options) =>
        (from size in options.Sizes
         from rung in Ladder.Of(manifest, RequestOf(size), options.Provider)
         where options.Rungs.Count == 0 || options.Rungs.Contains(rung.Name)
         select (size, rung))
        .GroupBy(chosen => chosen.rung, ByName.Instance)
        .OrderBy(group => Ladder.Position(group.Key.Name));

    /// <summary>Of the report's entry.</summary>
    public static string Key(FilmSize size, Rung rung) => $"{size} {rung.Name}";

    public static PlanRequest RequestOf(FilmSize size) => new(size.Width, size.Height, size.Frames, ClipSteps, Guided: true);

    /// <summary>A rung of one size and of another: they differ in details such as the frames of a decode.</summary>
    private sealed class ByName : IEqualityComparer<Rung>
    {
        public static ByName Instance { get; } = new();

        public bool Equals(Rung? x, Rung? y) => x?.Name == y?.Name;

        public int GetHashCode(Rung obj) => StringComparer.Ordinal.GetHashCode(obj.Name);
    }
}
