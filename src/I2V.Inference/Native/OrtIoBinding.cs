using System.Text;

namespace I2V.Inference.Native;

/// <summary>Tensors bound to a session's inputs and outputs, so that runs copy nothing. For one run at a time.</summary>
public sealed unsafe class OrtIoBinding : OrtHandle
{
    private readonly InferenceSession? session;
    private readonly Dictionary<string, OrtValue> inputs = [];
    private readonly Dictionary<string, OrtValue> outputs = [];

    internal OrtIoBinding(InferenceSession session)
        : base(Create(session))
    {
        Hold(session);
        this.session = session;
    }

    /// <summary>Binds a tensor, which stays alive until it is bound anew, cleared, or the binding is disposed.</summary>
    /// <exception cref="OrtException">The graph has no such input, or the tensor does not fit it.</exception>
    public void BindInput(string name, OrtValue value)
    {
        using var self = Use();
        using var text = NativeString.Utf8(name);
        using var tensor = value.Use();
        OrtApi.Check(OrtApi.BindInput(self.Pointer, text.Pointer, tensor.Pointer), "BindInput");
        Keep(inputs, name, value);
    }

    /// <summary>Binds a tensor of the output's shape, into which the run writes.</summary>
    /// <exception cref="OrtException">The graph has no such output.</exception>
    public void BindOutput(string name, OrtValue value)
    {
        using var self = Use();
        using var text = NativeString.Utf8(name);
        using var tensor = value.Use();
        OrtApi.Check(OrtApi.BindOutput(self.Pointer, text.Pointer, tensor.Pointer), "BindOutput");
        Keep(outputs, name, value);
    }

    /// <summary>
    /// Lets the next run allocate the output at a place; <see cref="GetOutputValues"/> has it afterwards. Later runs write
    /// into the same tensor: bind anew before a run whose output has another shape, or to keep the tensor.
    /// </summary>
    /// <exception cref="OrtException">The graph has no such output.</exception>
    public void BindOutputToDevice(string name, OrtMemoryInfo memoryInfo)
    {
        using var self = Use();
        using var text = NativeString.Utf8(name);
        using var info = memoryInfo.Use();
        OrtApi.Check(OrtApi.BindOutputToDevice(self.Pointer, text.Pointer, info.Pointer), "BindOutputToDevice");
        Drop(outputs, name);
    }

    /// <summary>Waits until the inputs' copies to their device are done.</summary>
    public void SynchronizeBoundInputs()
    {
        using var self = Use();
        OrtApi.Check(OrtApi.SynchronizeBoundInputs(self.Pointer), "SynchronizeBoundInputs");
    }

    /// <summary>Waits until the device has written the outputs.</summary>
    public void SynchronizeBoundOutputs()
    {
        using var self = Use();
        OrtApi.Check(OrtApi.SynchronizeBoundOutputs(self.Pointer), "SynchronizeBoundOutputs");
    }

    /// <summary>Names of the bound outputs, in the order in which they were bound.</summary>
    public IReadOnlyList<string> GetOutputNames()
    {
        using var self = Use();
        using var allocator = OrtAllocator.DefaultInstance.Use();
        byte* buffer;
        nuint* lengths;
        nuint count;
        OrtApi.Check(OrtApi.GetBoundOutputNames(self.Pointer, allocator.Pointer, &buffer, &lengths, &count), "GetBoundOutputNames");
        if (count == 0)
        {
            return [];
        }

        var names = new string[(int)count];
        var at = buffer;
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = Encoding.UTF8.GetString(at, (int)lengths[i]);
            at += lengths[i];
        }

        OrtApi.Check(OrtApi.AllocatorFree(allocator.Pointer, (nint)buffer), "AllocatorFree");
        OrtApi.Check(OrtApi.AllocatorFree(allocator.Pointer, (nint)lengths), "AllocatorFree");
        return names;
    }

    /// <summary>The outputs of the last run, in the order of <see cref="GetOutputNames"/>; the caller disposes them.</summary>
    public IReadOnlyList<OrtValue> GetOutputValues()
    {
        using var self = Use();
        using var allocator = OrtAllocator.DefaultInstance.Use();
        nint* values;
        nuint count;
        OrtApi.Check(OrtApi.GetBoundOutputValues(self.Pointer, allocator.Pointer, &values, &count), "GetBoundOutputValues");
        if (count == 0)
        {
            return [];
        }

        var result = new OrtValue[(int)count];
        for (var i = 0; i < result.Length; i++)
        {
            result[i] = new OrtValue(values[i]);
        }

        OrtApi.Check(OrtApi.AllocatorFree(allocator.Pointer, (nint)values), "AllocatorFree");
        return result;
    }

    public void ClearBoundInputs()
    {
        using var self = Use();
        OrtApi.ClearBoundInputs(self.Pointer);
        Drop(inputs);
    }

    public void ClearBoundOutputs()
    {
        using var self = Use();
        OrtApi.ClearBoundOutputs(self.Pointer);
        Drop(outputs);
    }

    protected override bool ReleaseHandle()
    {
        OrtApi.ReleaseIoBinding(handle);
        Drop(inputs);
        Drop(outputs);
        session?.DangerousRelease();
        return true;
    }

    private static nint Create(InferenceSession session)
    {
        using var owner = session.Use();
        nint binding;
        OrtApi.Check(OrtApi.CreateIoBinding(owner.Pointer, &binding), "CreateIoBinding");
        return binding;
    }

    /// <summary>The runtime keeps the tensor but not the caller's memory under it, so the value is held here.</summary>
    private static void Keep(Dictionary<string, OrtValue> bound, string name, OrtValue value)
    {
        Hold(value);
        Drop(bound, name);
        bound[name] = value;
    }

    private static void Hold(OrtHandle handle)
    {
        var added = false;
        handle.DangerousAddRef(ref added);
    }

    private static void Drop(Dictionary<string, OrtValue> bound, string name)
    {
        if (bound.Remove(name, out var value))
        {
            value.DangerousRelease();
        }
    }

    private static void Drop(Dictionary<string, OrtValue> bound)
    {
        foreach (var value in bound.Values)
        {
            value.DangerousRelease();
        }

        bound.Clear();
    }
}
