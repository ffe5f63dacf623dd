using I2V.Inference.Native;
using I2V.ModelBuilder.Onnx;

namespace I2V.Tests.Inference.Native;

/// <summary>Small models, written by our own graph language.</summary>
internal static class TestGraphs
{
    /// <summary>x [batch, 3] → y = 2 · x + 1.</summary>
    public static byte[] Affine()
    {
        var graph = new Graph("affine");
        var x = graph.Input("x", TensorElementType.Float, "batch", 3);
        graph.Output("y", (x * 2) + 1, "batch", 3);
        return OnnxFile.ToBytes(graph);
    }

    /// <summary>x → the same values as another element type.</summary>
    public static byte[] Cast(TensorElementType from, TensorElementType to)
    {
        var graph = new Graph("cast");
        var x = graph.Input("x", from, "n");
        graph.Output("y", x.Cast(to), "n");
        return OnnxFile.ToBytes(graph);
    }

    /// <summary>trips, x [width] → x + 1 + 2 + … + trips, as so many rounds of a Loop.</summary>
    public static byte[] Loop(int width = 1)
    {
        var graph = new Graph("loop");
        var trips = graph.Input("trips", TensorElementType.Int64);
        var x = graph.Input("x", TensorElementType.Float, width);

        var body = new Graph("round", graph);
        var number = body.Input("number", TensorElementType.Int64);
        var more = body.Input("more", TensorElementType.Bool);
        var sum = body.Input("sum", TensorElementType.Float, width);
        body.Output("go_on", more);
        body.Output("next", sum + (number.Cast(TensorElementType.Float) + 1), width);

        graph.Output("y", graph.Op("Loop", [trips, graph.Scalar(true), x], TensorElementType.Float, Attr.Graph("body", body)), width);
        return OnnxFile.ToBytes(graph);
    }

    public static OrtValue Tensor<T>(T[] data, params long[] shape)
        where T : unmanaged => OrtValue.CreateTensorValueFromMemory(data, shape.Length == 0 ? [data.Length] : shape);

    public static OrtValue Scalar<T>(T value)
        where T : unmanaged => OrtValue.CreateTensorValueFromMemory((T[])[value], []);

    /// <summary>One run with one output, copied out.</summary>
    public static TOut[] Run<TOut>(this InferenceSession session, params (string Name, OrtValue Value)[] inputs)
        where TOut : unmanaged
    {
        using var outputs = session.Run(null, inputs.ToDictionary(input => input.Name, input => input.Value), session.OutputNames, TestContext.Current.CancellationToken);
        return outputs[0].GetTensorDataAsSpan<TOut>().ToArray();
    }
}
