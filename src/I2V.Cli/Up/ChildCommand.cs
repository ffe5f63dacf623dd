namespace I2V.Cli.Up;

/// <summary>How to start and stop one process that must not outlive this one.</summary>
internal sealed record ChildCommand
{
    /// <summary>For sentences: <c>RabbitMQ</c>, <c>worker 1</c>.</summary>
    public required string Name { get; init; }

    public required string FileName { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Laid over the inherited environment; null removes a variable.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Inherited variables that begin with one of these are removed first, so that a user's own servers do not leak in.</summary>
    public IReadOnlyList<string> ClearedPrefixes { get; init; } = [];

    /// <summary>Null for <c>/</c>, which every user can enter.</summary>
    public string? WorkingFolder { get; init; }

    /// <summary>Both output streams are appended here, by the process itself.</summary>
    public required string LogFile { get; init; }

    /// <summary>User name, or null for the current user. Only root can name another.</summary>
    public string? RunAs { get; init; }

    public ChildSignal StopSignal { get; init; } = ChildSignal.Terminate;

    /// <summary>After this the process is killed.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Numbers that are the same on every Linux.</summary>
internal enum ChildSignal
{
    None = 0,
    Hangup = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
}
