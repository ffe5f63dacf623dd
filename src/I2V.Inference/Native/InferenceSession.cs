using System.Collections;

namespace I2V.Inference.Native;

/// <summary>Values that are disposed together.</summary>
public interface IDisposableReadOnlyCollection<T> : IReadOnlyList<T>, IDisposable;

/// <summary>How many of a graph's operators run on a provider.</summary>
/// <param name="ProviderName">Such as <c>CUDAExecutionProvider</c>.</param>
/// <param name="Nodes">Operators, after the runtime's own changes to the graph.</param>
public sealed record ProviderShare(string ProviderName, int Nodes);

/// <summary>A loaded graph. Runs may go on at the same time on several threads.</summary>
public sealed unsafe class InferenceSession : OrtHandle
{
    /// <summary>Loads a graph from a file; its external data is looked for beside it.</summary>
    /// <exception cref="OrtException">The file is missing, damaged, or asks for something the runtime does not have.</exception>
    public InferenceSession(string modelPath, SessionOptions? options = null)
        : this(Create(modelPath, options))
    {
    }

    /// <summary>Loads a graph from memory, which is not needed afterwards. External data cannot be found this way.</summary>
    /// <exception cref="OrtException">The graph is damaged, or asks for something the runtime does not have.</exception>
    public InferenceSession(ReadOnlySpan<byte> model, SessionOptions? options = null)
        : this(Create(model, options))
    {
    }

    private InferenceSession(nint pointer)
        : base(pointer)
    {
        try
        {
            (InputNames, InputMetadata) = Describe(pointer, OrtApi.SessionGetInputCount, OrtApi.SessionGetInputName, OrtApi.SessionGetInputTypeInfo);
            (OutputNames, OutputMetadata) = Describe(pointer, OrtApi.SessionGetOutputCount, OrtApi.SessionGetOutputName, OrtApi.SessionGetOutputTypeInfo);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>In the graph's order.</summary>
    public IReadOnlyList<string> InputNames { get; }

    /// <summary>In the graph's order.</summary>
    public IReadOnlyList<string> OutputNames { get; }

    public IReadOnlyDictionary<string, NodeMetadata> InputMetadata { get; }

    public IReadOnlyDictionary<string, NodeMetadata> OutputMetadata { get; }

    /// <summary>Runs the graph and returns the outputs in the order of <paramref name="outputNames"/>; the caller disposes them.</summary>
    /// <param name="runOptions">Null for the defaults.</param>
    /// <param name="inputs">Name → tensor.</param>
    /// <param name="outputNames">Which outputs to make.</param>
    /// <param name="ct">Ends the run at its next operator, from any thread.</param>
    /// <exception cref="OrtException">The run failed, or <see cref="RunOptions.Terminate"/> ended it.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it.</exception>
    public IDisposableReadOnlyCollection<OrtValue> Run(
        RunOptions? runOptions, IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyCollection<string> outputNames, CancellationToken ct = default)
    {
        using var inputText = new NativeStrings(inputs.Keys);
        using var outputText = new NativeStrings(outputNames);
        using var values = new OrtHandleLeases(inputs.Values);
        var outputs = new nint[outputNames.Count];
        Cancellable(runOptions, (session, options) =>
        {
            fixed (nint* inputName = inputText.Pointers, input = values.Pointers, outputName = outputText.Pointers, output = outputs)
            {
                OrtApi.Check(
                    OrtApi.Run(session, options, inputName, input, (nuint)inputs.Count, outputName, (nuint)outputs.Length, output),
                    "Run");
            }
        }, ct);
        return new OrtValues(outputs);
    }

    /// <summary>Runs the graph on bound inputs into bound outputs.</summary>
    /// <exception cref="OrtException">The run failed, or <see cref="RunOptions.Terminate"/> ended it.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> ended it.</exception>
    public void RunWithBinding(RunOptions? runOptions, OrtIoBinding ioBinding, CancellationToken ct = default)
    {
        using var binding = ioBinding.Use();
        var pointer = binding.Pointer;
        Cancellable(runOptions, (session, options) => OrtApi.Check(OrtApi.RunWithBinding(session, options, pointer), "RunWithBinding"), ct);
    }

    /// <summary>A new binding, for one run at a time.</summary>
    public OrtIoBinding CreateIoBinding() => new(this);

    /// <summary>How many operators landed on each provider. The session must have been loaded with <c>session.record_ep_graph_assignment_info</c> = 1.</summary>
    /// <exception cref="OrtException">The session was loaded without that option.</exception>
    public IReadOnlyList<ProviderShare> GetProviderShares()
    {
        using var self = Use();
        nint* subgraphs;
        nuint count;
        OrtApi.Check(OrtApi.SessionGetEpGraphAssignmentInfo(self.Pointer, &subgraphs, &count), "Session_GetEpGraphAssignmentInfo");
        var shares = new Dictionary<string, int>();
        for (nuint i = 0; i < count; i++)
        {
            byte* name;
            OrtApi.Check(OrtApi.EpAssignedSubgraphGetEpName(subgraphs[i], &name), "EpAssignedSubgraph_GetEpName");
            nint* nodes;
            nuint nodeCount;
            OrtApi.Check(OrtApi.EpAssignedSubgraphGetNodes(subgraphs[i], &nodes, &nodeCount), "EpAssignedSubgraph_GetNodes");
            shares[OrtApi.Text(name)] = shares.GetValueOrDefault(OrtApi.Text(name)) + (int)nodeCount;
        }

        return [.. shares.Select(share => new ProviderShare(share.Key, share.Value))];
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseSession(handle);
        return true;
    }

    private static nint Create(string modelPath, SessionOptions? options)
    {
        using var defaults = options is null ? new SessionOptions() : null;
        using var settings = (options ?? defaults!).Use();
        using var env = OrtEnv.Instance().Use();
        using var path = NativeString.FilePath(modelPath);
        nint session;
        OrtApi.Check(OrtApi.CreateSession(env.Pointer, path.Pointer, settings.Pointer, &session), "CreateSession");
        return session;
    }

    private static nint Create(ReadOnlySpan<byte> model, SessionOptions? options)
    {
        using var defaults = options is null ? new SessionOptions() : null;
        using var settings = (options ?? defaults!).Use();
        using var env = OrtEnv.Instance().Use();
        nint session;
        fixed (byte* first = model)
        {
            OrtApi.Check(
                OrtApi.CreateSessionFromArray(env.Pointer, first, (nuint)model.Length, settings.Pointer, &session),
                "CreateSessionFromArray");
        }

        return session;
    }

    private static (List<string> Names, Dictionary<string, NodeMetadata> Metadata) Describe(
        nint session,
        delegate* unmanaged<nint, nuint*, nint> getCount,
        delegate* unmanaged<nint, nuint, nint, nint*, nint> getName,
        delegate* unmanaged<nint, nuint, nint*, nint> getTypeInfo)
    {
        nuint count;
        OrtApi.Check(getCount(session, &count), "SessionGetCount");
        var names = new List<string>();
        var metadata = new Dictionary<string, NodeMetadata>();
        using var allocator = OrtAllocator.DefaultInstance.Use();
        for (nuint i = 0; i < count; i++)
        {
            nint text;
            OrtApi.Check(getName(session, i, allocator.Pointer, &text), "SessionGetName");
            names.Add(OrtApi.Text((byte*)text));
            OrtApi.Check(OrtApi.AllocatorFree(allocator.Pointer, text), "AllocatorFree");

            nint typeInfo;
            OrtApi.Check(getTypeInfo(session, i, &typeInfo), "SessionGetTypeInfo");
            try
            {
                metadata[names[^1]] = NodeMetadata.FromTypeInfo(typeInfo);
            }
            finally
            {
                OrtApi.ReleaseTypeInfo(typeInfo);
            }
        }

        return (names, metadata);
    }

    /// <summary>Runs with a token: it sets terminate while the run goes on, and is asked afterwards whether it was the cause.</summary>
    private void Cancellable(RunOptions? runOptions, Action<nint, nint> run, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        using var defaults = runOptions is null ? new RunOptions() : null;
        defaults?.SetLogSeverityLevel(OrtLoggingLevel.Fatal); // what fails reaches the caller; a log line says it twice
        var options = runOptions ?? defaults!;
        using var self = Use();
        using var settings = options.Use();
        try
        {
            // Disposing the registration waits for a callback that is under way, so none can come after the run.
            using (ct.UnsafeRegister(static state => ((RunOptions)state!).Terminate = true, options))
            {
                run(self.Pointer, settings.Pointer);
            }
        }
        catch (OrtException error) when (ct.IsCancellationRequested)
        {
            throw new OperationCanceledException("The run was stopped on request.", error, ct);
        }
        finally
        {
            if (ct.IsCancellationRequested)
            {
                options.Terminate = false;
            }
        }
    }

    private sealed class OrtValues(nint[] pointers) : IDisposableReadOnlyCollection<OrtValue>
    {
        private readonly OrtValue[] values = Array.ConvertAll(pointers, pointer => new OrtValue(pointer));

        public int Count => values.Length;

        public OrtValue this[int index] => values[index];

        public IEnumerator<OrtValue> GetEnumerator() => ((IEnumerable<OrtValue>)values).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Dispose() => Array.ForEach(values, value => value.Dispose());
    }
}
