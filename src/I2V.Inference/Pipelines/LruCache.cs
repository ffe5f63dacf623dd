using System.Diagnostics.CodeAnalysis;

namespace I2V.Inference.Pipelines;

/// <summary>Keeps the results asked for last. For one thread at a time.</summary>
/// <param name="capacity">Results kept, at least 1.</param>
internal sealed class LruCache<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> order = [];

    /// <summary>How often a result was kept already.</summary>
    public int Hits { get; private set; }

    /// <summary>How often a result had to be made.</summary>
    public int Misses { get; private set; }

    /// <summary>The result for a key, made now if it is not kept. A failure is not kept.</summary>
    public TValue GetOrMake(TKey key, Func<TValue> make)
    {
        if (TryGet(key, out var kept))
        {
            Hits++;
            return kept;
        }

        Misses++;
        var value = make();
        nodes[key] = order.AddFirst((key, value));
        if (order.Count > capacity)
        {
            nodes.Remove(order.Last!.Value.Key);
            order.RemoveLast();
        }

        return value;
    }

    private bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!nodes.TryGetValue(key, out var node))
        {
            value = default;
            return false;
        }

        order.Remove(node);
        order.AddFirst(node);
        value = node.Value.Value;
        return true;
    }
}
