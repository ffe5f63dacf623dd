using System.CommandLine;
using System.Text.Json;
using I2V.Cli.Client;
using I2V.Cli.Configuration;
using I2V.Cli.Install;
using I2V.Cli.Jobs;
using I2V.Cli.Up;
using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Media;
using I2V.ModelBuilder;
using I2V.Protocol;

namespace I2V.Cli.Render;

/// <summary><c>i2v render photo.jpg --prompt "slow zoom in" -o clip.mp4</c>: no gateway, no broker, no database.</summary>
internal sealed class RenderCommand
{
    private static readonly ImageLimits PhotoLimits = new();

    private readonly SettingOptions settings = new();
    private readonly FitOptions fit = FitOptions.ForRender();
    private readonly Argument<FileInfo> photo = SettingOptions.Photo();
    private readonly Option<string?> output = new("--output", "-o")
    {
        Description = "File that the film goes to; one that exists is replaced. Default: the photo's name with .mp4.",
        HelpName = "FILE",
    };

    private readonly Option<DirectoryInfo?> package = new("--model", "-m") { Description = "Folder of a model package. Default: motion, built on first use.", HelpName = "FOLDER" };
    private readonly RenderDevice device = new();
    private readonly Option<bool> noInstall = new("--no-install") { Description = "Fail instead of installing ONNX Runtime when it is missing." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON on stdout." };

    public static Command Create()
    {
        var render = new RenderCommand();
        var command = new Command(
            "render",
            "Make a film on this machine, without gateway, broker or database. Prints the film's path. "
            + "Exit codes: 0 done, 1 failure, 2 wrong usage or settings that the model cannot make, 130 interrupted.");
        command.Add(render.photo);
        render.settings.AddTo(command);
        render.fit.AddTo(command);
        render.device.AddTo(command);
        foreach (var option in (Option[])[render.output, render.package, render.noInstall, render.json])
        {
            command.Add(option);
        }

        command.SetAction(render.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        try
        {
            return await RenderAsync(parsed, ct);
        }
        catch (GenerationException error)
        {
            throw new CliException(error.Message, error.Error == GenerationError.InvalidSettings ? ExitCode.Usage : ExitCode.Failure);
        }
        catch (MediaException error)
        {
            throw new CliException(error.Message, error.Error is MediaError.ImageUnreadable or MediaError.ImageTooLarge ? ExitCode.Usage : ExitCode.Failure);
        }
    }

    private async Task<int> RenderAsync(ParseResult parsed, CancellationToken ct)
    {
        var terminal = Terminal.ForProcess();
        var file = parsed.GetRequiredValue(photo);
        var path = parsed.GetValue(output) ?? FilmFile.DefaultPath(Directory.GetCurrentDirectory(), file.Name);
        FilmFile.CheckPlace(path);
        var given = settings.Read(parsed);

        // 1. The picture, upright.
        var image = await ReadPhotoAsync(file, ct);

        // 2. The device, the engine and the model.
        using var place = device.Take(parsed);
        await EnsureRuntimeAsync(parsed, terminal, ct);
        var model = ModelPackage.Open(parsed.GetValue(package)?.FullName ?? EnsureMotion());
        await WarnAsync(RenderSettings.Unused(model.Manifest, given), model.Manifest, terminal);
        var asked = RenderSettings.Resolve(model.Manifest, given, image, new Random());

        // 3. What of it fits the device.
        var plan = RenderPlan.For(model, asked, place.Probe, RenderPlan.Rules(fit.Read(parsed), asked));
        var request = plan.Apply(asked);
        foreach (var change in plan.Degradations)
        {
            await terminal.Error.WriteLineAsync($"Note: {change.Message}");
        }

        // 4. The film.
        using var pipeline = PipelineLoader.Load(model, place.Options, request.Techniques);
        var view = parsed.GetValue(json) ? new NoProgress() : ProgressView.For(terminal);
        plan.Stepped = view.Tell;
        var film = await view.WhileAsync(() => new RenderRun(pipeline, view, TimeProvider.System).RunAsync(request, path, ct));

        // 5. Where it is.
        await terminal.Out.WriteLineAsync(parsed.GetValue(json) ? ToJson(path, film, request, model, place.Options.Provider, plan) : path);
        return ExitCode.Ok;
    }

    private static async Task<RgbImage> ReadPhotoAsync(FileInfo file, CancellationToken ct)
    {
        if (file.Length > PhotoLimits.MaxBytes)
        {
            throw new CliException($"{file.Name} has {file.Length:#,0} bytes; a photo may have at most {PhotoLimits.MaxBytes:#,0} (20 MiB).", ExitCode.Usage);
        }

        try
        {
            return await ImageReader.ReadAsync(await File.ReadAllBytesAsync(file.FullName, ct), PhotoLimits, ct);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{file} cannot be read: {error.Message}", error);
        }
    }

    private async Task EnsureRuntimeAsync(ParseResult parsed, Terminal terminal, CancellationToken ct)
    {
        var steps = new Steps(terminal.Error, TimeProvider.System);
        var installer = OnnxRuntimeInstaller.ForCheckout(steps);
        var gpu = device.Provider(parsed) != "cpu";
        NativeLibraryLocation.Folder = (await installer.EnsureAsync(gpu, !parsed.GetValue(noInstall), ct)).Folder;
    }

    private static string EnsureMotion()
    {
        try
        {
            return MotionPackage.Ensure(Path.Combine(Product.DefaultData, "models"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"The motion package cannot be built: {error.Message}", error);
        }
    }

    private static async Task WarnAsync(IEnumerable<string> unused, ModelManifest manifest, Terminal terminal)
    {
        foreach (var name in unused)
        {
            await terminal.Error.WriteLineAsync($"Note: {manifest.Name} does not use {name}; it was left out.");
        }
    }

    private static string ToJson(string path, FilmInfo film, GenerationRequest request, ModelPackage model, string provider, RenderPlan plan) => JsonSerializer.Serialize(
        new
        {
            path,
            model = model.Manifest.Name,
            package_sha256 = model.Sha256,
            film.Width,
            film.Height,
            film.NumFrames,
            film.Fps,
            film.DurationSeconds,
            film.Bytes,
            request.Prompt,
            request.NegativePrompt,
            request.Steps,
            request.GuidanceScale,
            request.Seed,
            request.MotionAmount,
            plan.Rung,
            plan.Techniques,
            plan.Degradations,
            determinism = provider == "cpu" ? "exact" : "close",
            determinism_psnr_db = provider == "cpu" ? null : model.Manifest.RepeatPsnrDb,
        },
        I2VJson.Options);
}
