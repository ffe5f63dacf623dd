using I2V.Cli.Configuration;
using I2V.Cli.Up;

namespace I2V.Cli.Install;

/// <summary>A program from the operating system that the product calls.</summary>
/// <param name="Name">For people.</param>
/// <param name="Debian">Names of Debian's and Ubuntu's packages.</param>
/// <param name="Find">Where it is, or null.</param>
internal sealed record SystemPackage(string Name, IReadOnlyList<string> Debian, Func<string?> Find)
{
    public static readonly SystemPackage PostgreSql = new("PostgreSQL", ["postgresql"], LocalPostgres.FindPrograms);

    public static readonly SystemPackage RabbitMq = new(
        "RabbitMQ",
        ["rabbitmq-server"],
        () => ToolProcess.Find("epmd") is null ? null : LocalRabbitMq.FindServer());

    public static readonly SystemPackage Ffmpeg = new(
        "ffmpeg",
        ["ffmpeg"],
        () => ToolProcess.Find("ffprobe") is null ? null : ToolProcess.Find("ffmpeg"));

    public static readonly SystemPackage Chromium = new(
        "Chromium",
        ["chromium", "fonts-liberation"],
        () => ToolProcess.Find("chromium") ?? ToolProcess.Find("chromium-browser") ?? ToolProcess.Find("google-chrome"));

    /// <summary>What `up` needs.</summary>
    public static IReadOnlyList<SystemPackage> ForServers { get; } = [PostgreSql, RabbitMq, Ffmpeg];

    /// <summary>What `test` needs.</summary>
    public static IReadOnlyList<SystemPackage> ForTests { get; } = [.. ForServers, Chromium];
}

/// <summary>Makes sure that programs of the operating system are there.</summary>
internal static class SystemPackages
{
    public static async Task EnsureAsync(IReadOnlyList<SystemPackage> packages, bool install, Steps steps, CancellationToken ct)
    {
        var missing = packages.Where(package => package.Find() is null).ToList();
        if (missing.Count > 0)
        {
            var names = Names(missing);
            var command = InstallCommand(missing);
            if (!install)
            {
                throw new CliException($"{names} {Are(missing.Count)} not installed: `{command}` installs what is missing.");
            }

            steps.Say($"installing {names}, which {Are(missing.Count)} missing");
            await new AptInstaller(steps).InstallAsync([.. missing.SelectMany(package => package.Debian)], command, ct);
            if (missing.Where(package => package.Find() is null).ToList() is { Count: > 0 } absent)
            {
                throw new CliException($"{Names(absent)} {Are(absent.Count)} still not found after installing; `./i2v doctor` says where it is looked for.");
            }
        }

        steps.Say($"{Names(packages)} are installed");
    }

    /// <summary>What a person would type.</summary>
    public static string InstallCommand(IEnumerable<SystemPackage> packages) =>
        (Environment.IsPrivilegedProcess ? "" : "sudo ") + "apt-get install " + string.Join(' ', packages.SelectMany(package => package.Debian));

    private static string Names(IReadOnlyList<SystemPackage> packages) => packages.Count switch
    {
        1 => packages[0].Name,
        _ => string.Join(", ", packages.SkipLast(1).Select(package => package.Name)) + " and " + packages[^1].Name,
    };

    private static string Are(int count) => count == 1 ? "is" : "are";
}
