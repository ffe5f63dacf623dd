using System.Text.Json.Nodes;
using I2V.GpuProof;

namespace I2V.Tests.GpuProof;

public sealed class MeasuredTableTests
{
    private static readonly JsonObject Sliced = new() { ["size"] = "512x512x16", ["rung"] = "sliced" };

    [Fact]
    public void Rungs_stand_in_the_order_of_the_ladder_with_bytes_in_GB()
    {
        var whole = new JsonObject();
        MeasuredTable.Merge(whole, "512x512x16 streamed", Facts("512x512x16", "streamed"), Part("512x512x16 streamed", 2_500_000_000), exitCode: 0);
        MeasuredTable.Merge(whole, "512x512x16 sliced", Sliced, Part("512x512x16 sliced", 6_760_000_000), exitCode: 0);

        Assert.Equal(
            """
            | size | rung | predicted GB | measured GB | predicted / measured | ms per step | seconds of a 50-step clip |  |
            | --- | --- | --- | --- | --- | --- | --- | --- |
            | 512x512x16 | `sliced` | – | 6.76 | – | 130.3 | – | within its limits |
            | 512x512x16 | `streamed` | – | 2.50 | – | 130.3 | – | within its limits |

            """,
            MeasuredTable.Rungs(whole),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void A_process_that_left_no_report_is_a_row_that_fails()
    {
        var whole = new JsonObject();

        MeasuredTable.Merge(whole, "512x512x16 sliced", Sliced, part: null, exitCode: 137);

        Assert.Equal(["512x512x16 sliced: the process ended with 137"], MeasuredTable.FailuresOf(whole));
        Assert.Contains("| 512x512x16 | `sliced` | – | – | – | – | – | **fails** |", MeasuredTable.Rungs(whole), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_measurements_of_a_process_each_answers_for_its_own_failures()
    {
        string[] names = ["512x512x16 sliced", "768x768x24 sliced", "704x1280x16 sliced"];
        var part = Part(names[0], 6_760_000_000);
        part[names[1]] = Part(names[1], 9_000_000_000)[names[1]]!.DeepClone();
        part["failures"] = new JsonArray($"{names[1]}: predicted over measured is 1.2, but must be at most 1.1");
        var whole = new JsonObject();

        foreach (var name in names)
        {
            var (own, code) = MeasuredTable.Own(part, name, names, exitCode: 1);
            MeasuredTable.Merge(whole, name, Sliced, own, code);
        }

        Assert.Equal(
            [$"{names[1]}: predicted over measured is 1.2, but must be at most 1.1", $"{names[2]}: the process ended with 1"],
            MeasuredTable.FailuresOf(whole));
        part["failures"] = new JsonArray("It did not end within 240 s");
        Assert.All(names, name => Assert.Equal(1, MeasuredTable.Own(part, name, names, exitCode: 1).ExitCode));
    }

    [Fact]
    public void A_process_that_was_cut_off_keeps_what_it_had_measured_and_says_why()
    {
        var whole = new JsonObject();
        var part = Part("512x512x16 sliced", 6_760_000_000);
        part["failures"] = new JsonArray("It did not end within 240 s");

        MeasuredTable.Merge(whole, "512x512x16 sliced", Sliced, part, exitCode: 1);

        Assert.Contains("| 6.76 | – | 130.3 | – | **fails** |", MeasuredTable.Rungs(whole), StringComparison.Ordinal);
        Assert.Equal(["512x512x16 sliced: It did not end within 240 s"], MeasuredTable.FailuresOf(whole));
    }

    [Fact]
    public void Measuring_again_replaces_the_row_and_its_failures()
    {
        var whole = new JsonObject();
        MeasuredTable.Merge(whole, "512x512x16 streamed", Facts("512x512x16", "streamed"), Part("512x512x16 streamed", 1), exitCode: 0);
        MeasuredTable.Merge(whole, "512x512x16 sliced", Sliced, part: null, exitCode: 1);
        MeasuredTable.Merge(whole, "512x512x16 sliced", Sliced, Part("512x512x16 sliced", 2), exitCode: 0);

        Assert.Equal(2, whole.Count);
        Assert.Empty(MeasuredTable.FailuresOf(whole));
        Assert.DoesNotContain("fails", MeasuredTable.Rungs(whole), StringComparison.Ordinal);
    }

    [Fact]
    public void Cards_tell_what_was_made_of_a_job_and_how_far_it_went_down()
    {
        var whole = new JsonObject();
        var part = new JsonObject
        {
            ["card 4 GB 512x512x16"] = new JsonObject
            {
                ["rung"] = "streamed",
                ["applied"] = "512x512x8",
                ["process_bytes"] = 3_500_000_000,
                ["allowed_bytes"] = 3_994_967_296,
                ["degradations"] = new JsonArray("8 frames instead of 16."),
                ["descent"] = new JsonArray("Denoising: windows"),
                ["load_seconds"] = 4.2,
                ["film_seconds"] = 20,
            },
            ["failures"] = new JsonArray(),
        };

        MeasuredTable.Merge(whole, "card 4 GB 512x512x16", new JsonObject { ["card_gb"] = 4.0, ["size"] = "512x512x16" }, part, exitCode: 0);

        Assert.Equal(
            "| 4 GB | 512x512x16 | `streamed` | 512x512x8 | – | 3.50 | 3.99 | 8 frames instead of 16. | Denoising: windows | 4.2, 20.0 | within its limits |",
            MeasuredTable.Cards(whole).Split('\n')[2]);
    }

    private static JsonObject Facts(string size, string rung) => new() { ["size"] = size, ["rung"] = rung };

    private static JsonObject Part(string name, long bytes) => new()
    {
        [name] = new JsonObject { ["process_bytes"] = bytes, ["ms_per_step"] = 130.3 },
        ["failures"] = new JsonArray(),
    };
}
