namespace I2V.ModelBuilder.Weights;

/// <summary>What one tensor of a LoRA file is.</summary>
internal enum LoraPart
{
    /// <summary>[rank, inputs…].</summary>
    Down,

    /// <summary>[outputs, rank].</summary>
    Up,

    /// <summary>A number: the pair counts alpha/rank times.</summary>
    Alpha,
}

/// <summary>The names that training tools give to the parts of a LoRA.</summary>
internal static class LoraNames
{
    private const string KohyaUnet = "lora_unet_", KohyaText = "lora_te_", TextEncoder = "text_encoder", Unet = "unet";

    /// <summary>Ends of keys, the longest first among those that end alike.</summary>
    private static readonly (string Ending, LoraPart Part)[] Endings =
    [
        (".lora_A.default.weight", LoraPart.Down),
        (".lora_B.default.weight", LoraPart.Up),
        (".lora_A.weight", LoraPart.Down),
        (".lora_B.weight", LoraPart.Up),
        (".lora_linear_layer.down.weight", LoraPart.Down),
        (".lora_linear_layer.up.weight", LoraPart.Up),
        (".lora.down.weight", LoraPart.Down),
        (".lora.up.weight", LoraPart.Up),
        (".lora_down.weight", LoraPart.Down),
        (".lora_up.weight", LoraPart.Up),
        ("_lora.down.weight", LoraPart.Down),
        ("_lora.up.weight", LoraPart.Up),
        (".alpha", LoraPart.Alpha),
    ];

    /// <summary>Names of an attention's projections in the old text encoder files, and the text encoder's own.</summary>
    private static readonly Dictionary<string, string> OldTextNames = new(StringComparer.Ordinal)
    {
        ["to_q"] = "q_proj",
        ["to_k"] = "k_proj",
        ["to_v"] = "v_proj",
        ["to_out"] = "out_proj",
    };

    /// <summary>The key without its ending and which part that says; null when it is no part of a LoRA.</summary>
    public static (string Module, LoraPart Part)? Split(string key)
    {
        foreach (var (ending, part) in Endings)
        {
            if (key.Length > ending.Length && key.EndsWith(ending, StringComparison.Ordinal))
            {
                // The old files say "processor.to_q_lora" for what is "to_q".
                var module = key[..^ending.Length];
                return (ending[0] == '_' ? module + "_lora" : module, part);
            }
        }

        return null;
    }

    /// <summary>The weight of the checkpoint that a module's LoRA changes; null when there is none.</summary>
    /// <param name="known">Component → its keys.</param>
    public static (string Component, string Key)? Find(string module, IReadOnlyDictionary<string, KnownKeys> known)
    {
        if (module.StartsWith(KohyaUnet, StringComparison.Ordinal))
        {
            return Flat(Unet, module[KohyaUnet.Length..], known);
        }

        if (module.StartsWith(KohyaText, StringComparison.Ordinal))
        {
            return Flat(TextEncoder, module[KohyaText.Length..], known);
        }

        // A file of the UNet alone may leave out the component.
        var dot = module.IndexOf('.', StringComparison.Ordinal);
        var (component, path) = dot > 0 && known.ContainsKey(module[..dot]) ? (module[..dot], module[(dot + 1)..]) : (Unet, module);
        var key = $"{Modern(component, path)}.weight";
        return known.TryGetValue(component, out var keys) && keys.Shapes.ContainsKey(key) ? (component, key) : null;
    }

    private static (string Component, string Key)? Flat(string component, string flat, IReadOnlyDictionary<string, KnownKeys> known) =>
        known.TryGetValue(component, out var keys) && keys.ByFlatName.TryGetValue(flat, out var key) ? (component, key) : null;

    /// <summary><c>attn1.processor.to_out_lora</c> → <c>attn1.to_out.0</c>; names of today stay as they are.</summary>
    private static string Modern(string component, string path)
    {
        const string Old = "_lora", Processor = ".processor.";
        if (!path.EndsWith(Old, StringComparison.Ordinal))
        {
            return path;
        }

        path = path[..^Old.Length].Replace(Processor, ".", StringComparison.Ordinal);
        var start = path.LastIndexOf('.') + 1;
        var name = path[start..];
        if (component == TextEncoder)
        {
            return OldTextNames.TryGetValue(name, out var modern) ? path[..start] + modern : path;
        }

        return name == "to_out" ? $"{path}.0" : path;
    }
}

/// <summary>The weights of a component that a LoRA can change.</summary>
internal sealed class KnownKeys
{
    private const string Weight = ".weight";

    public KnownKeys(IReadOnlyDictionary<string, long[]> shapes)
    {
        Shapes = shapes;
        ByFlatName = shapes.Keys
            .Where(key => key.EndsWith(Weight, StringComparison.Ordinal))
            .GroupBy(key => key[..^Weight.Length].Replace('.', '_'), StringComparer.Ordinal)
            .Where(group => group.Count() == 1)
            .ToDictionary(group => group.Key, group => group.Single(), StringComparer.Ordinal);
    }

    /// <summary>By key of the checkpoint.</summary>
    public IReadOnlyDictionary<string, long[]> Shapes { get; }

    /// <summary>Key of the checkpoint by its module's path with underscores for dots; without those that two keys share.</summary>
    public IReadOnlyDictionary<string, string> ByFlatName { get; }
}
