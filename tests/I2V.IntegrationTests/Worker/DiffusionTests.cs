using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using I2V.Cli.Configuration;
using I2V.Cli.Up;
using I2V.IntegrationTests.Servers;
using I2V.Protocol;
using I2V.Protocol.Errors;
using I2V.Protocol.Jobs;

namespace I2V.IntegrationTests.Worker;

/// <summary>One stack with a worker for motion and one for I2VGen-XL, each on its own lane.</summary>
public sealed class TwoModels : IAsyncLifetime
{
    internal Stack Stack { get; private set; } = null!;

    internal WorkerHandle Motion { get; private set; } = null!;

    internal WorkerHandle Diffusion { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Stack = await Stack.StartAsync();
        Motion = await Stack.StartWorkerAsync();
        Diffusion = await Stack.StartWorkerAsync(index: 1, package: await TinyPackage.GetAsync());
    }

    public async ValueTask DisposeAsync() => await Stack.DisposeAsync();
}

public sealed class DiffusionTests(TwoModels running) : IClassFixture<TwoModels>
{
    private const string Model = "i2vgen-xl";

    private readonly Stack stack = running.Stack;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private static JobSettings Small { get; } = new() { Prompt = "waves", Width = 64, Height = 128, NumFrames = 3, Fps = 5, Steps = 4, Seed = 11 };

    [Fact]
    public async Task A_job_names_a_preset_and_becomes_a_film_on_the_models_own_worker()
    {
        var submitted = await stack.SubmitAsync(await Photos.PatternAsync(), Small with { Steps = null, Preset = "draft" }, Model);
        var job = await stack.WaitForEndAsync(submitted);

        Assert.True(job.Status == JobStatus.Succeeded, job.Error?.Message);
        var film = await Film.DownloadAsync(job);
        Assert.Equal(("h264", 64, 128, 3), (film.Codec, film.Width, film.Height, film.FrameCount));
        Assert.Equal((25, "draft", 9.0), (job.Applied.Steps, job.Applied.Preset, job.Applied.GuidanceScale));
        Assert.StartsWith("Distorted", job.Applied.NegativePrompt, StringComparison.Ordinal);
        Assert.Equal(running.Diffusion.Name, Assert.Single(await stack.AttemptsAsync(job)).Worker);
    }

    [Fact]
    public async Task A_job_says_how_repeatable_it_is_and_what_memory_each_phase_took()
    {
        var job = await stack.WaitForEndAsync(await stack.SubmitAsync(await Photos.PatternAsync(), Small, Model));

        Assert.True(job.Status == JobStatus.Succeeded, job.Error?.Message);
        Assert.Equal("exact", job.Applied.Determinism);
        Assert.Superset(new HashSet<string> { "encoding", "denoising", "decoding" }, job.Metrics!.PhasePeakBytes!.Keys.ToHashSet());
        Assert.Equal(job.Metrics.PeakVramBytes, job.Metrics.PhasePeakBytes!.Values.Max());
        Assert.InRange(job.Metrics.DenoiseSeconds!.Value, 0.001, 120);
        using var http = new HttpClient();
        var manifest = JsonDocument.Parse(await http.GetStringAsync(new Uri(job.Output!.Manifest!.Url), Ct)).RootElement;
        Assert.Equal("exact", manifest.GetProperty("applied").GetProperty("determinism").GetString());
        Assert.True(manifest.GetProperty("metrics").GetProperty("phase_peak_bytes").GetProperty("denoising").GetInt64() > 1 << 20);
    }

    [Fact]
    public async Task Motion_works_beside_it_and_is_what_a_request_without_a_model_gets()
    {
        var photo = await Photos.PatternAsync();
        var (ours, others) = (await stack.SubmitAsync(photo, Small, Model), await stack.SubmitAsync(photo));

        var (film, move) = (await stack.WaitForEndAsync(ours), await stack.WaitForEndAsync(others));

        Assert.Equal((JobStatus.Succeeded, Model), (film.Status, film.Model));
        Assert.Equal((JobStatus.Succeeded, "motion"), (move.Status, move.Model));
        Assert.Equal(running.Motion.Name, Assert.Single(await stack.AttemptsAsync(move)).Worker);
    }

    [Fact]
    public async Task What_the_model_cannot_make_is_refused_with_the_nearest_that_it_can()
    {
        var photo = await Photos.PatternAsync();
        await RefusedAsync(photo, Small with { Width = 100 }, "/input/width", "Is 100; i2vgen-xl makes sides that are multiples of 64: take 64 or 128.");
        await RefusedAsync(photo, Small with { Height = 2112 }, "/input/height", "Is 2112; must be 64 to 2048 for i2vgen-xl.");
        await RefusedAsync(photo, Small with { NumFrames = 33 }, "/input/num_frames", "Is 33; must be 1 to 32 for i2vgen-xl.");
        await RefusedAsync(photo, Small with { Steps = 1000 }, "/input/steps", "Is 1000; must be 1 to 999 for i2vgen-xl.");
        await RefusedAsync(photo, Small with { GuidanceScale = 0.5 }, "/input/guidance_scale", "Is 0.5; must be 1 to 30 for i2vgen-xl.");
        await RefusedAsync(photo, Small with { Preset = "best" }, "/input/preset", "i2vgen-xl has no preset of this name; must be one of draft, final, standard.");
    }

    [Fact]
    public async Task The_model_tells_its_limits_presets_and_defaults()
    {
        using var answer = await stack.Http.GetAsync(new Uri("v1/models", UriKind.Relative), Ct);
        var models = await answer.Content.ReadFromJsonAsync<ModelList>(I2VJson.Options, Ct);

        var model = Assert.Single(models!.Data, model => model.Id == Model);
        Assert.Equal((25, 35, 50), (model.Presets["draft"].Steps, model.Presets["standard"].Steps, model.Presets["final"].Steps));
        Assert.Equal(("standard", 64, 32), (model.Defaults.Preset, model.Limits.SizeMultipleOf, model.Limits.Frames.Max));
        Assert.False(model.Default);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_film_from_the_queue_and_from_render()
    {
        var photo = await Photos.PatternAsync();
        var job = await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Small, Model));
        var again = await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Small, Model));
        var path = Path.Combine(TestFolder.Create("render"), "render.mp4");

        var rendered = await ToolProcess.RunAsync(
            Product.DotNet,
            [
                Product.Program("I2V.Cli"), "render", photo, "--model", await TinyPackage.GetAsync(), "--prompt", "waves",
                "--width", "64", "--height", "128", "--frames", "3", "--fps", "5", "--steps", "4", "--seed", "11", "-o", path,
            ],
            Ct);

        Assert.True(rendered.ExitCode == ExitCode.Ok, rendered.Error);
        Assert.Equal(job.Output!.Video!.Sha256, again.Output!.Video!.Sha256);
        var (ours, theirs) = (await Film.OpenAsync(path), await Film.DownloadAsync(job));
        Assert.Equal(3, ours.Frames.Count);
        Assert.All(ours.Frames.Zip(theirs.Frames), pair => Assert.Equal(pair.Second.Pixels, pair.First.Pixels));
        var other = await stack.WaitForEndAsync(await stack.SubmitAsync(photo, Small with { Seed = 12 }, Model));
        Assert.NotEqual(job.Output.Video.Sha256, other.Output!.Video!.Sha256);
    }

    private async Task RefusedAsync(string photo, JobSettings settings, string pointer, string sentence)
    {
        using var answer = await Stack.PostJobAsync(stack.Http, photo, settings, model: Model);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        var problem = await answer.Content.ReadFromJsonAsync<Problem>(I2VJson.Options, Ct);
        Assert.Equal(ErrorCode.InvalidInput, problem!.Code);
        Assert.Equal((pointer, sentence), (Assert.Single(problem.Errors!).Pointer, problem.Errors![0].Detail));
    }
}
