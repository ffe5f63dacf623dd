namespace I2V.Inference.Native;

/// <summary>What a graph says about one of its inputs or outputs.</summary>
/// <param name="ElementDataType">What its elements are; <see cref="TensorElementType.Unknown"/> when it is no tensor.</param>
/// <param name="Dimensions">Outermost first; −1 where the size is decided by the request.</param>
/// <param name="SymbolicDimensions">For each dimension its name, empty when it has none.</param>
public sealed record NodeMetadata(TensorElementType ElementDataType, IReadOnlyList<long> Dimensions, IReadOnlyList<string> SymbolicDimensions)
{
    internal static unsafe NodeMetadata FromTypeInfo(nint typeInfo)
    {
        nint info;
        OrtApi.Check(OrtApi.CastTypeInfoToTensorInfo(typeInfo, &info), "CastTypeInfoToTensorInfo");
        return info == 0 ? new NodeMetadata(TensorElementType.Unknown, [], []) : Read(info);
    }

    internal static unsafe NodeMetadata Read(nint info)
    {
        int type;
        OrtApi.Check(OrtApi.GetTensorElementType(info, &type), "GetTensorElementType");
        nuint rank;
        OrtApi.Check(OrtApi.GetDimensionsCount(info, &rank), "GetDimensionsCount");

        var dimensions = new long[(int)rank];
        var names = new nint[(int)rank];
        fixed (long* first = dimensions)
        fixed (nint* firstName = names)
        {
            OrtApi.Check(OrtApi.GetDimensions(info, first, rank), "GetDimensions");
            OrtApi.Check(OrtApi.GetSymbolicDimensions(info, firstName, rank), "GetSymbolicDimensions");
        }

        return new NodeMetadata((TensorElementType)type, dimensions, Array.ConvertAll(names, name => OrtApi.Text((byte*)name)));
    }
}
