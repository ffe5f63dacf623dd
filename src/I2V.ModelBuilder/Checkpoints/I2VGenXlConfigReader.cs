using I2V.ModelBuilder.Architectures;

namespace I2V.ModelBuilder.Checkpoints;

/// <summary>
/// Reads the <c>config.json</c> files of an I2VGen-XL checkpoint. A value that would change the arithmetic and that the
/// networks do not know is refused by its name: a film that is subtly wrong is worse than none.
/// </summary>
internal static class I2VGenXlConfigReader
{
    public static I2VGenXlConfigs Read(string folder) => new()
    {
        TextEncoder = Text(ConfigFile.Read(folder, "text_encoder/config.json")),
        ImageEncoder = Vision(ConfigFile.Read(folder, "image_encoder/config.json")),
        Vae = Vae(ConfigFile.Read(folder, "vae/config.json")),
        Unet = Unet(ConfigFile.Read(folder, "unet/config.json")),
    };

    // The configurations of encoders carry dozens of settings of training and generation, so only what is known to matter is checked.
    private static ClipTextConfig Text(ConfigFile file)
    {
        file.Require("model_type", "\"clip_text_model\"");
        return new ClipTextConfig
        {
            HiddenSize = file.Int("hidden_size"),
            NumHiddenLayers = file.Int("num_hidden_layers"),
            NumAttentionHeads = file.Int("num_attention_heads"),
            IntermediateSize = file.Int("intermediate_size"),
            MaxPositionEmbeddings = file.Int("max_position_embeddings", 77),
            VocabSize = file.Int("vocab_size", 49408),
            HiddenAct = Activation(file),
            LayerNormEps = file.Double("layer_norm_eps", 1e-5),
        };
    }

    private static ClipVisionConfig Vision(ConfigFile file)
    {
        file.Require("model_type", "\"clip_vision_model\"");
        file.Require("num_channels", "3");
        return new ClipVisionConfig
        {
            HiddenSize = file.Int("hidden_size"),
            NumHiddenLayers = file.Int("num_hidden_layers"),
            NumAttentionHeads = file.Int("num_attention_heads"),
            IntermediateSize = file.Int("intermediate_size"),
            PatchSize = file.Int("patch_size"),
            ProjectionDim = file.Int("projection_dim"),
            ImageSize = file.Int("image_size", 224),
            HiddenAct = Activation(file),
            LayerNormEps = file.Double("layer_norm_eps", 1e-5),
        };
    }

    private static AutoencoderKlConfig Vae(ConfigFile file)
    {
        file.Require("act_fn", "\"silu\"");
        file.Require("mid_block_add_attention", "true");
        file.Require("use_quant_conv", "true");
        file.Require("use_post_quant_conv", "true");
        file.Require("in_channels", "3");
        file.Require("out_channels", "3");
        file.Ignore("sample_size", "force_upcast");
        var config = new AutoencoderKlConfig
        {
            BlockOutChannels = file.Ints("block_out_channels"),
            LayersPerBlock = file.Int("layers_per_block", 1),
            NormNumGroups = file.Int("norm_num_groups", 32),
            LatentChannels = file.Int("latent_channels", 4),
            ScalingFactor = file.Double("scaling_factor", 0.18215),
        };
        Blocks(file, "down_block_types", Enumerable.Repeat("DownEncoderBlock2D", config.BlockOutChannels.Count));
        Blocks(file, "up_block_types", Enumerable.Repeat("UpDecoderBlock2D", config.BlockOutChannels.Count));
        foreach (var moved in (string[])["shift_factor", "latents_mean", "latents_std"])
        {
            file.Require(moved, "null");
        }

        file.RefuseUnknown();
        return config;
    }

    private static I2VGenXlUnetConfig Unet(ConfigFile file)
    {
        // `num_attention_heads` is the channels of a head under a wrong name, and the reference implementation ignores it.
        file.Ignore("sample_size", "num_attention_heads");
        file.Require("in_channels", "4");
        file.Require("out_channels", "4");
        var config = new I2VGenXlUnetConfig
        {
            BlockOutChannels = file.Ints("block_out_channels"),
            LayersPerBlock = file.Int("layers_per_block", 2),
            CrossAttentionDim = file.Int("cross_attention_dim", 1024),
            AttentionHeadDim = file.Int("attention_head_dim", 64),
            NormNumGroups = file.Int("norm_num_groups", 32),
        };
        Blocks(file, "down_block_types", ["CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"]);
        Blocks(file, "up_block_types", ["UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"]);
        if (config.BlockOutChannels.Count != 4)
        {
            throw file.Refuse("block_out_channels", "a list of 4 whole numbers");
        }

        file.RefuseUnknown();
        return config;
    }

    private static string Activation(ConfigFile file) =>
        file.Text("hidden_act", "quick_gelu") is var name and ("gelu" or "quick_gelu") ? name : throw file.Refuse("hidden_act", "gelu or quick_gelu");

    private static void Blocks(ConfigFile file, string property, IEnumerable<string> known)
    {
        var wanted = known.ToList();
        if (!file.Texts(property).SequenceEqual(wanted))
        {
            throw file.Refuse(property, string.Join(", ", wanted));
        }
    }
}
