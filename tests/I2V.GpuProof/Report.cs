using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace I2V.GpuProof;

/// <summary>Figures and failures, printed as they come and kept in a JSON file.</summary>
internal sealed class Report(string path)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Lock gate = new(); // a deadline reports from a thread of its own
    private readonly JsonObject data = [];
    private readonly JsonArray failures = [];

    public void Add(string name, JsonNode? value)
    {
        Say($"{name} {value?.ToJsonString()}");
        Keep(name, value);
    }

    /// <summary>As <see cref="Add"/>, and not printed: what is known of something that goes on.</summary>
    public void Keep(string name, JsonNode? value)
    {
        lock (gate)
        {
            data[name] = value?.DeepClone();
            Write();
        }
    }

    /// <summary>A line with the time, at once, for who watches.</summary>
    public void Say(string line)
    {
        Last = line;
        Console.WriteLine(FormattableString.Invariant($"{clock.Elapsed.TotalSeconds,7:F1} s  {line}"));
        Console.Out.Flush();
    }

    /// <summary>What was said last.</summary>
    public string Last { get; private set; } = "nothing yet";

    /// <summary>What was added under a name; null when there was nothing.</summary>
    public JsonObject? Find(string name) => data[name] as JsonObject;

    /// <summary>Notes a failure unless the figure is at most its limit.</summary>
    public void Require(string what, double figure, double limit)
    {
        if (!(figure <= limit))
        {
            Fail(FormattableString.Invariant($"{what} is {figure:G4}, but must be at most {limit:G4}"));
        }
    }

    /// <summary>A stage that fails is noted, and the next one goes on; one that answers null has added what there is.</summary>
    public void Stage(string name, Func<JsonNode?> work)
    {
        try
        {
            if (work() is { } made)
            {
                Add(name, made);
            }
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Fail($"{name}: {error.Message}");
        }
    }

    public void Fail(string sentence)
    {
        Say($"FAILED {sentence}");
        lock (gate)
        {
            failures.Add(sentence);
            Write();
        }
    }

    /// <summary>A figure, or what it is instead of one.</summary>
    public static JsonNode Number(double value) => double.IsFinite(value) ? value : value.ToString(CultureInfo.InvariantCulture);

    public int Finish()
    {
        lock (gate)
        {
            Write();
        }

        Say(failures.Count == 0 ? "all within their limits" : $"{failures.Count} failed");
        return failures.Count == 0 ? 0 : 1;
    }

    private void Write()
    {
        data["failures"] = failures.DeepClone();
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        File.WriteAllText(path, data.ToJsonString(Indented));
    }
}
