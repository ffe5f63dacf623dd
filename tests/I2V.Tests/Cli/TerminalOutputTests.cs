using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Jobs;
using I2V.Protocol;
using I2V.Protocol.Jobs;
using I2V.Tests.Inference;

namespace I2V.Tests.Cli;

public sealed class TerminalOutputTests
{
    [Theory]
    [InlineData(false, null, "xterm", true)]
    [InlineData(true, null, "xterm", false)]
    [InlineData(false, "1", "xterm", false)]
    [InlineData(false, "", "xterm", true)]
    [InlineData(false, null, "dumb", false)]
    [InlineData(false, null, null, false)]
    public void Only_a_terminal_that_can_show_it_gets_an_animation(bool redirected, string? noColor, string? term, bool animates) =>
        Assert.Equal(animates, Terminal.CanAnimate(redirected, name => name == "NO_COLOR" ? noColor : term));

    [Fact]
    public void Plain_progress_is_a_line_per_phase_and_per_tenth_without_control_characters()
    {
        var output = new StringWriter();
        var view = new PlainProgress(output);
        foreach (var (title, percent) in ((string, double)[])[("queued", 0), ("queued", 0), ("encoding", 3), ("decoding", 5), ("decoding", 9), ("decoding", 12), ("done", 100)])
        {
            view.Show(new ProgressLine(title, percent, title == "decoding" ? "step 1/16" : ""));
        }

        Assert.Equal(
            ["  0% queued", "  3% encoding", "  5% decoding, step 1/16", " 12% decoding, step 1/16", "100% done"],
            output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        Assert.DoesNotContain('\u001b', output.ToString());
        Assert.DoesNotContain('\r', output.ToString().ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Progress_says_phase_step_and_time_left()
    {
        var progress = new JobProgress { Phase = JobPhase.Decoding, Percent = 50, Step = 8, TotalSteps = 16, EtaSeconds = 3.2 };
        Assert.Equal(new ProgressLine("decoding", 50, "step 8/16, ETA 4 s"), JobWords.Line(JobStatus.Running, null, progress, null));
        Assert.Equal(
            new ProgressLine("decoding", 50, "step 8/16, ETA 2:05 min"),
            JobWords.Line(JobStatus.Running, null, progress with { EtaSeconds = 125 }, null));
        Assert.Equal("canceling", JobWords.Line(JobStatus.Running, "canceling", progress, null).Title);
        Assert.Equal(
            new ProgressLine("queued", 0, "no worker is there yet"),
            JobWords.Line(JobStatus.Queued, null, null, new QueueInfo { Position = 1, FeasibleWorkers = 0 }));
        Assert.Equal(
            "small/gpu-0: needs 9.0 GB, has 7.0 GB free",
            JobWords.Line(JobStatus.Queued, null, null, new QueueInfo { Position = 1, BlockedBy = ["no_capable_worker", "small/gpu-0: needs 9.0 GB, has 7.0 GB free"] }).Detail);
        Assert.Equal("queued (retrying)", JobWords.Line(JobStatus.Queued, "retrying", null, null).Title);
    }

    [Theory]
    [InlineData(JobStatus.Succeeded, ExitCode.Ok)]
    [InlineData(JobStatus.Failed, ExitCode.JobFailed)]
    [InlineData(JobStatus.Canceled, ExitCode.JobCanceled)]
    [InlineData(JobStatus.Expired, ExitCode.TimedOut)]
    public void How_a_job_ends_is_the_exit_code(JobStatus status, int exitCode) => Assert.Equal(exitCode, JobWords.ExitCodeOf(status));

    [Fact]
    public void A_snapshot_and_a_change_are_shown_alike()
    {
        var progress = new JobProgress { Phase = JobPhase.Muxing, Percent = 96 };
        var snapshot = JobSamples.Job(JobStatus.Running) with { Progress = progress };
        var expected = new ProgressLine("muxing", 96, "");
        Assert.Equal(expected, WatchJob.Line(new WatchedEvent("snapshot", JsonSerializer.SerializeToElement(snapshot, I2VJson.Options))));
        var change = JobSamples.Event(JobStatus.Running, progress);
        Assert.Equal(expected, WatchJob.Line(new WatchedEvent("job.progress", JsonSerializer.SerializeToElement(change, I2VJson.Options))));
    }

    [Fact]
    public void The_list_is_one_line_a_job_and_a_prompt_cannot_command_the_terminal()
    {
        var job = JobSamples.Job(JobStatus.Running) with
        {
            Requested = new JobSettings { Prompt = "\u001b[2Jline\nline " + new string('x', 60) },
            Progress = new JobProgress { Percent = 41.6 },
        };
        var lines = JobsCommand.Table([job]).Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith($"{JobSamples.Id}  running     42%  2026-01-02 03:04:05   [2Jline line xxx", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("…", lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', lines[1]);
    }

    [Fact]
    public void A_film_never_replaces_a_file_unasked()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(folder.File("cat.mp4"), FilmFile.DefaultPath(folder.Path, "cat.jpg"));
        File.WriteAllText(folder.File("cat.mp4"), "");
        Directory.CreateDirectory(folder.File("cat-1.mp4"));
        Assert.Equal(folder.File("cat-2.mp4"), FilmFile.DefaultPath(folder.Path, "cat.jpg"));
    }

    [Fact]
    public void A_place_that_cannot_take_a_film_is_refused_before_the_work()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(ExitCode.Usage, Assert.Throws<CliException>(() => FilmFile.CheckPlace(folder.Path)).ExitCode);
        Assert.Equal(ExitCode.Usage, Assert.Throws<CliException>(() => FilmFile.CheckPlace(folder.File("nowhere/film.mp4"))).ExitCode);
        FilmFile.CheckPlace(folder.File("film.mp4"));
    }
}
