namespace I2V.ModelBuilder.Onnx;

/// <summary>A named constant of an operator.</summary>
public sealed class Attr
{
    // Field numbers of AttributeProto and values of its AttributeType.
    private const int FloatField = 2, IntField = 3, StringField = 4, GraphField = 6, FloatsField = 7, IntsField = 8;
    private const int FloatType = 1, IntType = 2, StringType = 3, GraphType = 5, FloatsType = 6, IntsType = 7;

    private readonly int type;
    private readonly Action<ProtoWriter> writeValue;

    private Attr(string name, int type, Action<ProtoWriter> writeValue) =>
        (Name, this.type, this.writeValue) = (name, type, writeValue);

    public string Name { get; }

    internal bool IsGraph => type == GraphType;

    public static Attr Int(string name, long value) => new(name, IntType, writer => writer.Int64(IntField, value));

    public static Attr Ints(string name, params long[] values) =>
        new(name, IntsType, writer => Array.ForEach(values, value => writer.Int64(IntsField, value)));

    public static Attr Float(string name, float value) => new(name, FloatType, writer => writer.Float(FloatField, value));

    public static Attr Floats(string name, params float[] values) =>
        new(name, FloatsType, writer => Array.ForEach(values, value => writer.Float(FloatsField, value)));

    public static Attr String(string name, string value) => new(name, StringType, writer => writer.String(StringField, value));

    /// <summary>The body of a Loop, If or Scan.</summary>
    public static Attr Graph(string name, Graph body) =>
        new(name, GraphType, writer => writer.Message(GraphField, graph => OnnxFile.WriteGraph(graph, body, weights: null)));

    internal void Write(ProtoWriter writer)
    {
        writer.String(1, Name);
        writeValue(writer);
        writer.Int64(20, type);
    }
}
