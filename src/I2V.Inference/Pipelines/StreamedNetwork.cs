using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// A network that is cut into units, of whose weights two units' are in the device's memory at a time: while one unit is
/// computed, the weights of the next are brought. It takes as much longer as copies are longer than the computing that hides
/// them, and needs the memory of two units, of the tensors between them, and of the largest unit's run.
/// </summary>
/// <remarks>
/// Every unit is a session of its own, whose outputs stay on the device until the last unit that takes them has run. A device
/// that keeps a queue is handed one unit after the other and waited for at the end; the device's turn is held from the first
/// unit to the last. Results are those
/// of the network in one piece wherever the runtime does not fuse operators across the cuts.
/// </remarks>
internal sealed class StreamedNetwork : INetwork
{
    private readonly IReadOnlyList<UnitGraph> graphs;
    private readonly UnitWiring wiring;
    private readonly DerivedInputs derived;
    private readonly IUnitSessions sessions;
    private readonly StreamSchedule schedule;
    private readonly DeviceOptions device;
    private readonly OrtMemoryInfo place;
    private readonly string title;
    private readonly Lock turn;

    private StreamedNetwork(
        IReadOnlyList<UnitGraph> graphs, UnitWiring wiring, DerivedInputs derived, IUnitSessions sessions, DeviceOptions device, string title)
    {
        (this.graphs, this.wiring, this.derived, this.sessions, this.device, this.title) = (graphs, wiring, derived, sessions, device, title);
        schedule = new StreamSchedule(sessions);
        place = DevicePlace.MemoryOf(device);
        turn = DevicePlace.TurnOf(device);
    }

    /// <summary>Bytes of the processor's memory that are kept in place for weights.</summary>
    public long PinnedBytes => sessions.PinnedBytes;

    private DeviceMemory? Memory => device.Provider == "cuda" ? DeviceMemory.Current : null;

    /// <param name="package">Whose manifest lists the units.</param>
    /// <param name="component">The network.</param>
    /// <param name="device">Where it shall run.</param>
    /// <param name="variant">One of the component's variants; null for the component itself.</param>
    /// <exception cref="GenerationException">There are no units, they do not fit together, or one cannot be loaded; out of device memory has its own error.</exception>
    public static StreamedNetwork Load(ModelPackage package, string component, DeviceOptions device, string? variant = null)
    {
        var title = $"The network {component}{(variant is null ? "" : $" ({variant})")} of the model {package.Manifest.Name}";
        try
        {
            var (units, inputs) = Find(package, component, variant);
            var wiring = new UnitWiring(units);
            if (inputs is not null && !wiring.Given.SetEquals(inputs.Where(input => input.Kind == "tensor").Select(input => input.Name)))
            {
                throw new FormatException($"its units take {List(wiring.Given)} from outside, but its inputs are {List(inputs.Where(input => input.Kind == "tensor").Select(input => input.Name))}");
            }

            var derived = new DerivedInputs(wiring.Derived);
            var graphs = units.Select(unit => new UnitGraph(unit, package.GraphPath(unit), $"The unit {unit.Name} of {Lower(title)}")).ToList();
            lock (DevicePlace.TurnOf(device))
            {
                return new StreamedNetwork(graphs, wiring, derived, (IUnitSessions?)AliasedUnits.TryLoad(graphs, device) ?? ReloadedUnits.Load(graphs, device), device, title);
            }
        }
        catch (FormatException error)
        {
            throw new GenerationException(GenerationError.ModelLoadFailed, $"{title} cannot be streamed: {error.Message.TrimEnd('.')}.", error);
        }
    }

    public IReadOnlyList<OrtValue> Run(
        IReadOnlyDictionary<string, long> sizes, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        Require(inputs, outputs);
        var places = outputs.ToDictionary(output => output.Name, output => output.Place);
        lock (turn)
        {
            Memory?.TakeRefusal(); // an older one is not about this run
            using var values = new UnitValues(inputs);
            var shapes = Shapes(sizes);
            schedule.Run(unit => Run(unit, values, shapes, places, ct), ct);
            return values.Take(outputs.Select(output => output.Name));
        }
    }

    /// <summary>Notes from now on when copies and runs go on, which costs a little time; ends with <see cref="EndTrace"/>.</summary>
    /// <exception cref="InvalidOperationException">This device has no clock for it.</exception>
    public void BeginTrace()
    {
        lock (turn)
        {
            sessions.Recorder = new StreamRecorder(sessions.Marks ?? throw new InvalidOperationException($"Copies to {device.Provider} are not timed."));
        }
    }

    /// <exception cref="InvalidOperationException">There is no trace.</exception>
    public StreamTrace EndTrace()
    {
        lock (turn)
        {
            var trace = (sessions.Recorder ?? throw new InvalidOperationException("There is no trace to end.")).Read();
            sessions.Recorder = null;
            return trace;
        }
    }

    public void Dispose()
    {
        lock (turn)
        {
            sessions.Dispose();
            derived.Dispose();
            if (!ReferenceEquals(place, OrtMemoryInfo.DefaultInstance))
            {
                place.Dispose();
            }

            // Its slots are gone: what lies idle beside them is the next network's, or another process's.
            Memory?.Trim();
        }
    }

    private static (IReadOnlyList<ComponentUnit> Units, IReadOnlyList<GraphInput>? Inputs) Find(ModelPackage package, string component, string? variant)
    {
        var found = package.Manifest.Components.GetValueOrDefault(component) ?? throw new FormatException("the package has no such network");
        var changed = variant is null ? null
            : found.Variants?.GetValueOrDefault(variant) ?? throw new FormatException("the package has no such variant of it");
        var units = changed is null ? found.Units : changed.Units;
        return units is { Count: > 0 }
            ? (units, changed is null ? found.Inputs : changed.Inputs)
            : throw new FormatException("the package does not cut it into units");
    }

    private void Run(
        int unit, UnitValues values, IReadOnlyDictionary<string, OrtValue> shapes, Dictionary<string, Place> places, CancellationToken ct)
    {
        var (session, graph) = (sessions[unit], graphs[unit]);
        var inputs = graph.Unit.Inputs.ToDictionary(input => input.Name, input => input.Kind == "tensor" ? values[input.Name] : shapes[input.Name]);
        foreach (var (name, tensor) in inputs)
        {
            if (wiring.Given.Contains(name) && SessionRun.Misfit(session, name, tensor) is { } misfit)
            {
                throw Mismatch(misfit);
            }
        }

        var wanted = wiring.WantedOf(unit, places.Keys.ToHashSet()).Select(name => (Name: name, Place: places.GetValueOrDefault(name, Place.Device))).ToList();
        if (wanted.Count > 0)
        {
            var waits = WaitsOf(inputs, wanted);
            if (waits.Inputs)
            {
                // The runtime copies them in a queue of its own, to memory that runs under way may have used last.
                sessions.Finish();
            }

            void Execute() => values.Add(wanted.Select(output => output.Name), SessionRun.Execute(session, graph.Title, device, place, inputs, wanted, waits, ct));
            if (sessions.Recorder is { } recorder)
            {
                recorder.Around(graph.Unit.Name, isCopy: false, Execute);
            }
            else
            {
                Execute();
            }
        }

        foreach (var name in wiring.EndingWith(unit).Where(name => !places.ContainsKey(name)))
        {
            values.Release(name);
        }
    }

    /// <summary>Shapes stay on the processor, where they are read while the run is handed over; other tensors of it are copied before.</summary>
    private RunWaits WaitsOf(Dictionary<string, OrtValue> inputs, List<(string Name, Place Place)> wanted) => sessions.IsQueue
        ? new RunWaits(Inputs: inputs.Any(input => wiring.Given.Contains(input.Key) && input.Value.IsOnCpu), Outputs: wanted.Exists(output => output.Place == Place.Host))
        : RunWaits.ForAll;

    private IReadOnlyDictionary<string, OrtValue> Shapes(IReadOnlyDictionary<string, long> sizes)
    {
        try
        {
            return derived.For(sizes);
        }
        catch (ArgumentException error)
        {
            throw Mismatch(error.Message, error);
        }
    }

    private void Require(IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyList<(string Name, Place Place)> outputs)
    {
        if (!wiring.Given.SetEquals(inputs.Keys))
        {
            throw Mismatch($"it needs the inputs {List(wiring.Given)}, but was given {List(inputs.Keys)}");
        }

        if (outputs.FirstOrDefault(output => !wiring.Made.Contains(output.Name)).Name is { } unknown)
        {
            throw Mismatch($"it has no output {unknown}; its units make {List(wiring.Made)}");
        }
    }

    private static string Lower(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];

    private static string List(IEnumerable<string> names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal)) is { Length: > 0 } list ? list : "none";

    private GenerationException Mismatch(string problem, Exception? inner = null) =>
        new(GenerationError.InferenceFailed, $"{title} cannot run: {problem.TrimEnd('.')}.", inner);
}
