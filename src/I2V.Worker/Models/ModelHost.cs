using I2V.Inference.Models;
using I2V.Inference.Native;
using I2V.Inference.Pipelines;
using I2V.Inference.Planning;
using I2V.Protocol.Jobs;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace I2V.Worker.Models;

/// <summary>A pipeline that is ready, and what it took to get it ready.</summary>
/// <param name="Package">The model.</param>
/// <param name="Pipeline">Loaded.</param>
/// <param name="LoadSeconds">With the warm-up run; 0 when it was loaded already.</param>
/// <param name="Warm">It was loaded already.</param>
/// <param name="LoadPeakBytes">Taken for tensors at most, with the warm-up run; null when it was loaded already, or where they are not counted.</param>
internal sealed record ReadyModel(ModelPackage Package, IVideoPipeline Pipeline, double LoadSeconds, bool Warm, long? LoadPeakBytes = null);

/// <summary>
/// The worker's packages, and the one pipeline that is loaded. The process is only ready, that is, registered and
/// consuming, after a load and a warm-up run; a job for another model swaps it, and its metrics say what that took.
/// </summary>
internal sealed partial class ModelHost(
    IOptions<WorkerOptions> options,
    DeviceThread thread,
    Fitter fitter,
    TimeProvider time,
    ILogger<ModelHost> logger) : IHostedService, IDisposable
{
    private readonly SortedDictionary<string, ModelPackage> packages = PackageFolder.OpenAll(options.Value.Packages, options.Value.Models);
    private IVideoPipeline? loaded;

    public IReadOnlyCollection<ModelPackage> Packages => packages.Values;

    public string? WarmModel => loaded?.Manifest.Name;

    public ModelPackage Find(string model) => packages.TryGetValue(model, out var package)
        ? package
        : throw new GenerationException(GenerationError.ModelLoadFailed, $"This worker does not have the model '{model}'.");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var first = options.Value.Models.Select(Path.GetFullPath).FirstOrDefault() is { } named
            ? packages.Values.First(package => package.Folder == named)
            : packages.Values.First();
        var usual = fitter.Look(first, FitRules.Default).Plan(Fitter.AskedBy(first.Manifest, new JobSettings()));
        if (!usual.IsPlanned)
        {
            // The card may be another one's today: the worker serves other models and sizes, and says what it lacks.
            LogDoesNotFit(first.Manifest.Name, usual.Refusal.Message);
            return;
        }

        var ready = await UseAsync(first.Manifest.Name, usual.Plan.Rung.Techniques, cancellationToken);
        LogLoaded(first.Manifest.Name, first.Manifest.Version, usual.Plan.Rung.Name, ready.LoadSeconds);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Makes sure that this model is the loaded one.</summary>
    /// <param name="techniques">Those that the next run will use: a model that is loaded now is loaded for them.</param>
    public Task<ReadyModel> UseAsync(string model, Techniques techniques, CancellationToken ct)
    {
        var package = Find(model);
        return thread.RunAsync(() => Use(package, techniques, ct));
    }

    public void Dispose() => loaded?.Dispose();

    private ReadyModel Use(ModelPackage package, Techniques techniques, CancellationToken ct)
    {
        if (loaded is not null && loaded.Manifest.Name == package.Manifest.Name)
        {
            return new ReadyModel(package, loaded, LoadSeconds: 0, Warm: true);
        }

        var start = time.GetTimestamp();
        loaded?.Dispose();
        loaded = null;
        DeviceMemory.Current?.ResetPeaks();
        var pipeline = PipelineLoader.Load(package, Device.ForPipeline(options.Value), techniques);
        var peak = PeakBytes(); // the warm-up run counts anew
        try
        {
            pipeline.WarmUp(techniques, ct);
            fitter.NoteWarm();
        }
        catch
        {
            pipeline.Dispose();
            throw;
        }

        loaded = pipeline;
        return new ReadyModel(package, pipeline, time.GetElapsedTime(start).TotalSeconds, Warm: false, PeakBytes() is { } warm ? Math.Max(warm, peak ?? 0) : null);
    }

    private static long? PeakBytes() => DeviceMemory.Current?.PhasePeaks.Values.Select(peak => peak.CommittedBytes).DefaultIfEmpty().Max();

    [LoggerMessage(1001, LogLevel.Information, "Model {Model} {Version} is loaded and warm on the rung {Rung} after {Seconds:0.00} s")]
    private partial void LogLoaded(string model, string version, string rung, double seconds);

    [LoggerMessage(1002, LogLevel.Warning, "Model {Model} is not loaded yet: {Reason}")]
    private partial void LogDoesNotFit(string model, string reason);
}

internal static class ModelExtensions
{
    public static void AddModels(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ModelHost>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ModelHost>());
    }
}
