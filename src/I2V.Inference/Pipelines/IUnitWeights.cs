using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>
/// Weights of a network's units, of which two are there at a time: units of even number in one slot, of odd number in the
/// other. <see cref="StreamSchedule"/> keeps the order; for one thread at a time.
/// </summary>
internal interface IUnitWeights
{
    int Count { get; }

    /// <summary>Starts to bring a unit's weights into its slot, which is free or will be when the unit before in it has ended, and does not wait for them.</summary>
    void Begin(int unit);

    /// <summary>What runs next finds them there: where the device cannot wait by itself, this waits.</summary>
    /// <exception cref="GenerationException">They cannot be brought.</exception>
    void Wait(int unit);

    /// <summary>A unit's run was handed to the device, and has ended where the device keeps no queue.</summary>
    void Ran(int unit);

    /// <summary>Waits until every run has ended.</summary>
    /// <exception cref="GenerationException">The device reports an error.</exception>
    void Finish();

    /// <summary>The slot of a unit is needed otherwise. The unit's run was handed over, or everything was settled.</summary>
    void Drop(int unit);

    /// <summary>After a run that failed: waits until nothing is under way any more, whether it works out or not. Throws nothing.</summary>
    void Settle();
}

/// <summary>Sessions of a network's units, whose weights come and go.</summary>
internal interface IUnitSessions : IUnitWeights, IDisposable
{
    /// <summary>Bytes of the processor's memory that are kept in place for weights.</summary>
    long PinnedBytes { get; }

    /// <summary>Whether the device takes runs one behind the other, so that nobody need wait between two units.</summary>
    bool IsQueue { get; }

    /// <summary>The device's clock; null where there is none.</summary>
    IStreamMarks? Marks { get; }

    /// <summary>Notes when copies go on; null for nobody.</summary>
    StreamRecorder? Recorder { get; set; }

    /// <summary>A unit whose weights were waited for.</summary>
    InferenceSession this[int unit] { get; }
}
