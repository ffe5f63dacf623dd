using I2V.Inference.Models;
using I2V.Inference.Native;

namespace I2V.Inference.Pipelines;

/// <summary>A unit of a network, as a file that a session can be made of.</summary>
/// <param name="Unit">What the manifest says of it.</param>
/// <param name="Path">Of its graph.</param>
/// <param name="Title">What it is, as the beginning of a sentence.</param>
internal sealed record UnitGraph(ComponentUnit Unit, string Path, string Title)
{
    /// <summary>Loads it.</summary>
    /// <param name="device">Where it shall run.</param>
    /// <param name="slots">Where its weights shall lie; null for memory of their own.</param>
    /// <exception cref="GenerationException">It cannot be loaded, or is not what the manifest says.</exception>
    public InferenceSession Open(DeviceOptions device, (DeviceSlots Slots, SlotRange Range)? slots = null)
    {
        var session = GraphLoader.Load(Path, Title, device, slots);
        var (inputs, outputs) = (Unit.Inputs.Select(input => input.Name).ToHashSet(), Unit.Outputs.ToHashSet());
        if (inputs.SetEquals(session.InputNames) && outputs.IsSubsetOf(session.OutputNames))
        {
            return session;
        }

        var found = $"takes {List(session.InputNames)} and makes {List(session.OutputNames)}";
        session.Dispose();
        throw new GenerationException(
            GenerationError.ModelLoadFailed,
            $"{Title} cannot be used: the manifest says that it takes {List(inputs)} and makes {List(outputs)}, but its graph {found}.");
    }

    private static string List(IEnumerable<string> names) =>
        string.Join(", ", names.Order(StringComparer.Ordinal)) is { Length: > 0 } list ? list : "nothing";
}
