using I2V.Cli.Configuration;
using I2V.Inference.Devices;

namespace I2V.Cli.Up;

/// <summary>The GPUs that <c>up --gpu</c> names, one for each worker. A worker would refuse them too, but only after the servers have started, and five times.</summary>
internal static class UpGpus
{
    /// <param name="named">Numbers of nvidia-smi and uuids; with commas between, or one by one.</param>
    /// <returns>Uuids in full, which stay true whatever a worker's environment says.</returns>
    /// <exception cref="CliException">One of them is not there, or twice.</exception>
    public static IReadOnlyList<string> Find(IEnumerable<string> named) => Find(named, gpu => GpuSelection.Choose(gpu, position: 0).Uuid);

    internal static IReadOnlyList<string> Find(IEnumerable<string> named, Func<string, string> uuidOf)
    {
        var found = new List<string>();
        foreach (var gpu in named.SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
        {
            try
            {
                found.Add(uuidOf(gpu));
            }
            catch (DeviceException error)
            {
                throw new CliException(error.Message, error.Error == DeviceError.NoDriver ? ExitCode.Failure : ExitCode.Usage);
            }
        }

        return found.GroupBy(uuid => uuid).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? throw new CliException($"`--gpu` names {twice.Key} twice: one GPU serves one worker.", ExitCode.Usage)
            : found;
    }

    /// <summary>How many workers there are: as many as GPUs are named, unless the user has said so.</summary>
    /// <param name="asked">The value of <c>--workers</c>, or null when it was not given.</param>
    /// <exception cref="CliException">The numbers contradict each other.</exception>
    public static int Workers(int? asked, int gpus) => gpus == 0 || asked is null || asked == gpus
        ? asked ?? Math.Max(1, gpus)
        : throw new CliException(FormattableString.Invariant($"`--gpu` names {gpus} for {asked} workers: name one GPU for each, or leave `--workers` out."), ExitCode.Usage);
}
