namespace I2V.Cli.Up;

/// <summary>One process that the supervisor keeps alive.</summary>
internal sealed record Service
{
    public required ChildCommand Command { get; init; }

    /// <summary>Asked until it says yes; a process that ended meanwhile is started again.</summary>
    public required Func<CancellationToken, Task<bool>> IsReady { get; init; }

    /// <summary>Done before every start.</summary>
    public Func<CancellationToken, Task> BeforeStart { get; init; } = _ => Task.CompletedTask;

    /// <summary>For the sentence about a restart: <c>on port 5672</c>; empty where there is none.</summary>
    public string Where { get; init; } = "";

    /// <summary>How long its first start may take.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);

    public string Name => Command.Name;
}
