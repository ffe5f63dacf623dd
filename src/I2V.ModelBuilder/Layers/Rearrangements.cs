namespace I2V.ModelBuilder.Layers;

/// <summary>
/// Between pictures, rows of pixels and rows of frames. Channels-last tensors need a transposition only to bring the
/// frames of a pixel together; the rest are other views of the same memory.
/// </summary>
internal static class Rearrangements
{
    /// <summary>Pixels of each image as rows: [images, height·width, channels].</summary>
    public static Tokens PixelTokens(this Module module, Map x)
    {
        var graph = module.Graph;
        var value = module.Fused
            ? x.Value.Reshape(graph.Sizes($"{x.Images},{x.Pixels},{x.Channels}"))
            : x.Value.Reshape(graph.Sizes($"{x.Images},{x.Channels},{x.Pixels}")).Transpose(0, 2, 1);
        return new Tokens(value, x.Channels, x.Images, x.Pixels);
    }

    /// <summary>The reverse, into pictures like <paramref name="like"/>.</summary>
    public static Map FromPixelTokens(this Module module, Tokens tokens, Map like) => like with
    {
        Channels = tokens.Channels,
        Value = module.Fused
            ? tokens.Value.Reshape(module.Graph.Sizes($"{like.Images},{like.Height},{like.Width},{tokens.Channels}"))
            : tokens.Value.Transpose(0, 2, 1).Reshape(module.Graph.Sizes($"{like.Images},{tokens.Channels},{like.Height},{like.Width}")),
    };

    /// <summary>Frames b·f as one picture for each film, whose height is time and whose width are all pixels.</summary>
    public static Map ToFilm(this Module module, Map x)
    {
        var graph = module.Graph;
        var value = module.Fused
            ? x.Value.Reshape(graph.Sizes($"b,f,{x.Pixels},{x.Channels}"))
            : x.Value.Reshape(graph.Sizes($"b,f,{x.Channels},{x.Pixels}")).Transpose(0, 2, 1, 3);
        return new Map(value, x.Channels, "b", "f", x.Pixels);
    }

    /// <summary>The reverse, into pictures like <paramref name="like"/>.</summary>
    public static Map FromFilm(this Module module, Map film, Map like) => like with
    {
        Value = module.Fused
            ? film.Value.Reshape(module.Graph.Sizes($"{like.Images},{like.Height},{like.Width},{film.Channels}"))
            : film.Value.Transpose(0, 2, 1, 3).Reshape(module.Graph.Sizes($"{like.Images},{film.Channels},{like.Height},{like.Width}")),
    };

    /// <summary>The frames of each pixel as rows: [b·height·width, frames, channels].</summary>
    public static Tokens FrameTokens(this Module module, Map film)
    {
        var value = module.Fused ? film.Value.Transpose(0, 2, 1, 3) : film.Value.Transpose(0, 3, 2, 1);
        var groups = $"b*{film.Width}";
        return new Tokens(value.Reshape(module.Graph.Sizes($"{groups},f,{film.Channels}")), film.Channels, groups, "f");
    }

    /// <summary>The reverse, into pictures like <paramref name="like"/>.</summary>
    public static Map FromFrameTokens(this Module module, Tokens tokens, Map like)
    {
        var graph = module.Graph;
        var apart = tokens.Value.Reshape(graph.Sizes($"b,{like.Pixels},f,{tokens.Channels}"));
        return like with
        {
            Channels = tokens.Channels,
            Value = module.Fused
                ? apart.Transpose(0, 2, 1, 3).Reshape(graph.Sizes($"{like.Images},{like.Height},{like.Width},{tokens.Channels}"))
                : apart.Transpose(0, 2, 3, 1).Reshape(graph.Sizes($"{like.Images},{tokens.Channels},{like.Height},{like.Width}")),
        };
    }
}
