using System.CommandLine;
using System.Text.RegularExpressions;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.ModelBuilder.Checkpoints.Hub;

namespace I2V.Cli.Models;

/// <summary><c>i2v models pull OWNER/NAME</c>: fetches a checkpoint from a model hub and builds its package.</summary>
internal sealed partial class PullCommand
{
    private const string TokenVariable = "HF_TOKEN";
    private const string EndpointVariable = "HF_ENDPOINT";

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    private readonly Argument<string> repository = new("OWNER/NAME") { Description = "The model on the hub." };
    private readonly Option<string> revision = new("--revision") { Description = "Branch, tag or commit.", DefaultValueFactory = _ => "main" };
    private readonly Option<string?> endpoint = new("--endpoint") { Description = $"Address of the hub (or {EndpointVariable}). Default: {HubClient.DefaultEndpoint}.", HelpName = "URL" };
    private readonly Option<string?> checkpoint = new("--checkpoint") { Description = "Folder that the checkpoint is kept in. Default: .i2v/checkpoints/OWNER/NAME in the checkout.", HelpName = "FOLDER" };
    private readonly Option<bool> accept = new("--accept-license") { Description = "Accept the model's licence without being asked." };
    private readonly PackageOptions package = new();

    private PullCommand()
    {
        repository.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } given && !RepositoryName().IsMatch(given))
            {
                result.AddError($"'{given}' is not OWNER/NAME, such as ali-vilab/i2vgen-xl.");
            }
        });
    }

    public static Command Create()
    {
        var pull = new PullCommand();
        var command = new Command(
            "pull",
            $"Fetch a checkpoint from a model hub and make its package. Interrupted, it goes on when it is started again. A token comes from {TokenVariable} only. " + ModelErrors.ExitCodes)
        {
            pull.repository, pull.revision, pull.endpoint, pull.checkpoint, pull.accept,
        };
        pull.package.AddTo(command);
        command.SetAction((parsed, ct) => ModelErrors.ToldAsync(() => pull.RunAsync(parsed, ct)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var terminal = Terminal.ForProcess();
        var name = parsed.GetRequiredValue(repository);
        var folder = Path.GetFullPath(parsed.GetValue(checkpoint) ?? Path.Combine(Product.DefaultData, "checkpoints", name));
        using var hub = Connect(parsed);

        // 1. What it is and under which licence; nothing is fetched before that is accepted.
        var found = await hub.ListAsync(name, parsed.GetValue(revision)!, ct);
        var files = found.Needed(I2VGenXl.Sources);
        await LicenseQuestion.AskAsync(found, parsed.GetValue(accept), Console.IsInputRedirected ? null : Console.In, terminal.Error);

        // 2. The files that the package is made from.
        await FetchAsync(parsed, hub, found, files, folder, terminal, ct);

        // 3. The package.
        var opened = I2VGenXlCheckpoints.Open(folder);
        using var merged = package.Loras.Apply(parsed, opened with { License = opened.License ?? found.License });
        await package.WriteAsync(parsed, merged, PackageOptions.TargetOfThisMachine(), terminal, ct);
        await terminal.Error.WriteLineAsync($"The checkpoint stays in {folder}; the package does not need it any more.");
        return ExitCode.Ok;
    }

    private async Task FetchAsync(
        ParseResult parsed, HubClient hub, HubRepository found, IReadOnlyList<HubFile> files, string folder, Terminal terminal, CancellationToken ct)
    {
        Directory.CreateDirectory(folder);
        var missing = files.Sum(file => Math.Max(0, file.Bytes - Present(Path.Combine(folder, file.Path))));
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (missing > free)
        {
            throw new CliException($"The checkpoint needs {ByteText.Of(missing)} more in {folder}, where {ByteText.Of(free)} are free: make room, or name a folder on another disk with --checkpoint.");
        }

        var view = ByteProgress.View(terminal, parsed.GetValue(package.Json));
        var progress = new ByteProgress<DownloadProgress>(view, at => ($"fetching {at.File}", at.Bytes, at.TotalBytes));
        await view.WhileAsync(async () =>
        {
            await new HubDownload(hub, TimeProvider.System, FirstPause).RunAsync(found, files, folder, progress, ct);
            return true;
        });
    }

    private static long Present(string path) => new FileInfo(path) is { Exists: true } whole ? whole.Length : new FileInfo(path + ".part") is { Exists: true } part ? part.Length : 0;

    private HubClient Connect(ParseResult parsed)
    {
        var address = parsed.GetValue(endpoint) ?? Variable(EndpointVariable) ?? HubClient.DefaultEndpoint;
        if (!Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new CliException($"'{address}' is not the address of a hub, such as {HubClient.DefaultEndpoint}: correct --endpoint or {EndpointVariable}.", ExitCode.Usage);
        }

        var token = Variable(TokenVariable);
        if (token is not null && uri.Scheme == "http" && !uri.IsLoopback)
        {
            throw new CliException($"The token of {TokenVariable} would go over an open connection to {uri.Host}: take an https address, or remove {TokenVariable}.", ExitCode.Usage);
        }

        return new HubClient(uri, token);
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$")]
    private static partial Regex RepositoryName();
}
