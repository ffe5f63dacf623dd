using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.Parity;

/// <summary>What the reference implementation made; <c>models/reference/README.md</c> says how.</summary>
internal static class Fixtures
{
    private static readonly JsonSerializerOptions Names = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Of the reference implementation's code and constants.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "models", "reference");

    /// <summary>What both sides were given: seeds, prompts, the scheduler's configuration.</summary>
    public static JsonElement Configs { get; } = Json("configs.json");

    /// <summary>What was run, with what, and what came of it, except for the numbers themselves.</summary>
    public static JsonElement Record { get; } = Json("fixtures/fixtures.json");

    /// <summary>A file of the folder.</summary>
    public static JsonElement Json(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, file)));
        return document.RootElement.Clone();
    }

    public static T Read<T>(JsonElement element) => element.Deserialize<T>(Names) ?? throw new InvalidDataException("The fixture is null.");

    public static JsonElement Write<T>(T value) => JsonSerializer.SerializeToElement(value, Names);

    /// <summary>The tensors of <c>fixtures/NAME.safetensors</c>.</summary>
    public static IReadOnlyDictionary<string, FixtureTensor> Tensors(string name)
    {
        var file = File.ReadAllBytes(Path.Combine(Folder, "fixtures", $"{name}.safetensors"));
        var data = sizeof(ulong) + (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        var header = SafetensorsHeader.Parse(file.AsMemory(sizeof(ulong)..data), file.Length - data);
        return header.ToDictionary(tensor => tensor.Key, tensor => Tensor((SafetensorsEntry)tensor.Value));

        FixtureTensor Tensor(SafetensorsEntry entry) => new(entry.Shape, file[(data + (int)entry.Begin)..(data + (int)entry.End)]);
    }
}

/// <param name="Shape">Outermost first.</param>
/// <param name="Bytes">Little-endian numbers of whatever type, or the pixels themselves.</param>
internal sealed record FixtureTensor(long[] Shape, byte[] Bytes)
{
    public float[] Floats { get; } = Bytes.Length % sizeof(float) == 0 ? MemoryMarshal.Cast<byte, float>(Bytes).ToArray() : [];
}
