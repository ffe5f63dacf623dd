using I2V.Cli.Client;
using Spectre.Console;

namespace I2V.Cli.Jobs;

/// <param name="Title">What is happening, such as <c>decoding</c>.</param>
/// <param name="Percent">0 … 100.</param>
/// <param name="Detail">Step and time left, or empty.</param>
internal sealed record ProgressLine(string Title, double Percent, string Detail);

/// <summary>Shows progress on stderr while some work goes on.</summary>
internal interface IProgressView
{
    void Show(ProgressLine line);

    /// <summary>Says something that stays.</summary>
    void Tell(string sentence);

    Task<T> WhileAsync<T>(Func<Task<T>> work);
}

internal static class ProgressView
{
    public static IProgressView For(Terminal terminal) => terminal.Animates ? new LiveProgress(terminal) : new PlainProgress(terminal.Error);
}

/// <summary>Says nothing: stdout carries JSON and somebody reads it.</summary>
internal sealed class NoProgress : IProgressView
{
    public void Show(ProgressLine line)
    {
    }

    public void Tell(string sentence)
    {
    }

    public Task<T> WhileAsync<T>(Func<Task<T>> work) => work();
}

/// <summary>A line when something new happens and at every tenth of the way: for logs, pipes and dumb terminals.</summary>
internal sealed class PlainProgress(TextWriter output) : IProgressView
{
    private string? title;
    private int tenth;

    public void Show(ProgressLine line)
    {
        var now = (int)(line.Percent / 10);
        if (line.Title == title && now == tenth)
        {
            return;
        }

        (title, tenth) = (line.Title, now);
        output.WriteLine($"{line.Percent,3:0}% {line.Title}{(line.Detail.Length > 0 ? ", " + line.Detail : "")}");
    }

    public void Tell(string sentence) => output.WriteLine(sentence);

    public Task<T> WhileAsync<T>(Func<Task<T>> work) => work();
}

/// <summary>A bar that moves.</summary>
internal sealed class LiveProgress(Terminal terminal) : IProgressView
{
    private readonly IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(terminal.Error) });
    private ProgressTask? bar;

    public void Show(ProgressLine line)
    {
        if (bar is null)
        {
            return;
        }

        bar.Description = Markup.Escape(line.Detail.Length > 0 ? $"{line.Title}, {line.Detail}" : line.Title);
        bar.Value = line.Percent;
    }

    /// <summary>Above the bar, which the same console moves down.</summary>
    public void Tell(string sentence) => console.WriteLine(sentence);

    public Task<T> WhileAsync<T>(Func<Task<T>> work) => console.Progress()
        .AutoClear(true)
        .Columns(new ProgressBarColumn(), new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
        .StartAsync(async context =>
        {
            bar = context.AddTask("starting", maxValue: 100);
            return await work();
        });
}
