using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace I2V.ModelBuilder.Weights;

/// <summary>
/// Weights made from their names: the same for everyone who asks for the same component, key, shape and seed, in any
/// order and on any number of threads. An element is base + r·bound·2^−23, where r is a whole number in −2^23 … 2^23 − 1
/// from Philox4x32-10; base and bound depend on what the weight is for (<see cref="Range"/>), so that activations stay
/// sane and the output depends on every input.
/// </summary>
/// <param name="component">Folder of the checkpoint, such as <c>unet</c>.</param>
/// <param name="seed">Any; another one gives other weights.</param>
public sealed class RandomWeights(string component, ulong seed) : IWeightSource
{
    /// <summary>Elements that are made at once before they are copied to the caller, and those that one thread makes of them.</summary>
    private const int Batch = 1 << 22, Share = 1 << 16;

    /// <summary>Half of the range of a random word's upper 24 bits.</summary>
    private const int Middle = 1 << 23;

    private static readonly string[] Embeddings = ["token_embedding", "position_embedding", "class_embedding"];

    private static readonly (string[] Modules, double Gain)[] Gains =
    [
        (["to_q", "to_k", "q_proj", "k_proj"], 2),
        (["to_out.0", "ff.net.2", "proj_out", "conv2", "out_proj", "fc2"], 0.5),
        (["context_embedding.2"], 6),
        (["image_latents_context_embedding.3", "image_latents_context_embedding.5"], 3),
    ];

    public IReadOnlyDictionary<string, long[]>? Tensors => null;

    /// <inheritdoc/>
    public void Read(string key, ReadOnlySpan<long> shape, Span<float> into)
    {
        var count = TensorShape.Count(shape);
        if (count != into.Length)
        {
            throw new ArgumentException($"{key} of shape {TensorShape.Text(shape)} has {count} elements, but there is room for {into.Length}.", nameof(into));
        }

        var (start, bound) = Range(key, shape);
        var scale = (float)(bound / Middle);
        var name = Key(key);
        var buffer = ArrayPool<float>.Shared.Rent(Math.Min(into.Length, Batch));
        for (var done = 0; done < into.Length; done += Batch)
        {
            var length = Math.Min(into.Length - done, Batch);
            var first = done;
            Parallel.For(0, (length + Share - 1) / Share, part =>
            {
                var offset = part * Share;
                Fill(buffer.AsSpan(offset, Math.Min(Share, length - offset)), name, (first + offset) / 4, start, scale);
            });
            buffer.AsSpan(0, length).CopyTo(into[done..]);
        }

        ArrayPool<float>.Shared.Return(buffer);
    }

    /// <summary>The middle of the values and how far they are from it at most.</summary>
    internal static (float Start, double Bound) Range(string key, ReadOnlySpan<long> shape)
    {
        if (key.EndsWith(".bias", StringComparison.Ordinal))
        {
            return (0, 0.1);
        }

        var isWeight = key.EndsWith(".weight", StringComparison.Ordinal);
        if (isWeight && shape.Length == 1)
        {
            return (1, 0.1); // of a norm
        }

        var module = isWeight ? key[..^".weight".Length] : key;
        if (Array.Exists(Embeddings, name => IsModule(module, name)))
        {
            return (0, 0.5 * Math.Sqrt(3));
        }

        var fan = TensorShape.Count(shape.IsEmpty ? shape : shape[1..]);
        return (0, Math.Sqrt(3 * Gain(module) / fan));
    }

    private static double Gain(string module)
    {
        foreach (var (modules, gain) in Gains)
        {
            if (Array.Exists(modules, name => IsModule(module, name)))
            {
                return gain;
            }
        }

        // A temporal convolution's last one, conv4.N.
        var dot = module.LastIndexOf('.');
        return dot > 0 && int.TryParse(module.AsSpan(dot + 1), out _) && IsModule(module[..dot], "conv4") ? 0.5 : 1;
    }

    /// <summary>True when the path's last parts are <paramref name="name"/>.</summary>
    private static bool IsModule(string path, string name) =>
        path.EndsWith(name, StringComparison.Ordinal) && (path.Length == name.Length || path[^(name.Length + 1)] == '.');

    private ulong Key(string key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{component}/{key}"), hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash) ^ seed;
    }

    private static void Fill(Span<float> into, ulong key, long block, float start, float scale)
    {
        for (; into.Length >= 4; into = into[4..], block++)
        {
            var (x, y, z, w) = Philox.Block(key, (ulong)block);
            into[3] = Element(w, start, scale);
            into[2] = Element(z, start, scale);
            into[1] = Element(y, start, scale);
            into[0] = Element(x, start, scale);
        }

        if (!into.IsEmpty)
        {
            var (x, y, z, _) = Philox.Block(key, (ulong)block);
            ReadOnlySpan<uint> words = [x, y, z];
            for (var i = 0; i < into.Length; i++)
            {
                into[i] = Element(words[i], start, scale);
            }
        }
    }

    /// <summary>Each operation rounds to fp32 by itself: the cast keeps product and sum from becoming one.</summary>
    private static float Element(uint word, float start, float scale)
    {
        var product = (float)(((int)(word >> 8) - Middle) * scale);
        return start + product;
    }
}
