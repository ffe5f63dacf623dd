using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>
/// The user that a private server runs as: PostgreSQL refuses root, so as root each server gets its package's user;
/// anybody else runs both as themselves.
/// </summary>
internal sealed class ServerAccount
{
    private ServerAccount(string? runAs) => RunAs = runAs;

    /// <summary>Null for the current user.</summary>
    public string? RunAs { get; }

    /// <param name="packageUser">The user that the server's Debian package creates.</param>
    public static ServerAccount For(string packageUser) => new(Environment.IsPrivilegedProcess ? packageUser : null);

    /// <summary>Makes a folder that only this account can read, or hands over one that exists, with all that is in it.</summary>
    public async Task OwnAsync(string folder, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        if (RunAs is not null)
        {
            var chown = await ToolProcess.RunAsync("chown", ["-R", RunAs + ":" + RunAs, folder], ct);
            chown.ThrowIfFailed();
        }
    }

    /// <summary>Runs a program to its end as this account, in <c>/</c>.</summary>
    public Task<ToolResult> RunAsync(string fileName, IReadOnlyList<string> arguments, CancellationToken ct, string? input = null) =>
        RunAs is null
            ? ToolProcess.RunAsync(fileName, arguments, ct, input)
            : ToolProcess.RunAsync("setpriv", ["--pdeathsig", "KILL", "--reuid", RunAs, "--regid", RunAs, "--init-groups", "--", fileName, .. arguments], ct, input);

    /// <summary>
    /// As root, says which folder on the way to <paramref name="folder"/> other users cannot enter, and how to mend it:
    /// the servers run as users of their own. Nothing needs to be installed for this check.
    /// </summary>
    public static async Task EnsureServersCanEnterAsync(string folder, CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        const string nobody = "65534";
        foreach (var parent in FromRoot(folder))
        {
            var entered = await ToolProcess.RunAsync("setpriv", ["--reuid", nobody, "--regid", nobody, "--clear-groups", "--", "test", "-x", parent], ct);
            if (entered.ExitCode != 0)
            {
                throw new CliException(
                    "PostgreSQL and RabbitMQ run as users of their own when you are root, and other users cannot enter " +
                    $"{parent}: choose another place with `--data /var/lib/i2v`, or allow it with `chmod o+x {parent}`.");
            }
        }
    }

    private static Stack<string> FromRoot(string folder)
    {
        var parents = new Stack<string>();
        for (var current = new DirectoryInfo(folder); current is not null; current = current.Parent)
        {
            if (current.Exists)
            {
                parents.Push(current.FullName);
            }
        }

        return parents;
    }
}
