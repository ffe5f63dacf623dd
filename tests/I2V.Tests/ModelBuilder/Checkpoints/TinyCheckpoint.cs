using I2V.Inference.Native;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Tokenizers;
using I2V.ModelBuilder.Weights;

namespace I2V.Tests.ModelBuilder.Checkpoints;

/// <summary>A checkpoint folder of I2VGen-XL at tiny size, as the reference implementation would save it; its weights follow from a seed.</summary>
internal static class TinyCheckpoint
{
    public const ulong Seed = 7;

    private static readonly Dictionary<string, string> Texts = new()
    {
        ["model_index.json"] = """
            {"_class_name": "I2VGenXLPipeline", "_diffusers_version": "0.33.1", "feature_extractor": ["transformers", "CLIPImageProcessor"],
             "image_encoder": ["transformers", "CLIPVisionModelWithProjection"], "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
             "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "I2VGenXLUNet"], "vae": ["diffusers", "AutoencoderKL"]}
            """,
        ["README.md"] = "---\nlicense: mit\ntags:\n- video\n---\n# A card\n",
        ["LICENSE"] = "MIT, as it were.\n",
        ["text_encoder/config.json"] = """
            {"architectures": ["CLIPTextModel"], "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 256, "layer_norm_eps": 1e-05, "max_position_embeddings": 77,
             "model_type": "clip_text_model", "num_attention_heads": 4, "num_hidden_layers": 3, "projection_dim": 512, "vocab_size": 49408}
            """,
        ["image_encoder/config.json"] = """
            {"architectures": ["CLIPVisionModelWithProjection"], "hidden_act": "gelu", "hidden_size": 64, "image_size": 224, "intermediate_size": 256, "layer_norm_eps": 1e-05,
             "model_type": "clip_vision_model", "num_attention_heads": 4, "num_channels": 3, "num_hidden_layers": 2, "patch_size": 32, "projection_dim": 64}
            """,
        ["vae/config.json"] = """
            {"_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [32, 32, 64, 64],
             "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"], "force_upcast": true, "in_channels": 3,
             "latent_channels": 4, "layers_per_block": 1, "norm_num_groups": 8, "out_channels": 3, "sample_size": 64, "scaling_factor": 0.18125,
             "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}
            """,
        ["unet/config.json"] = """
            {"_class_name": "I2VGenXLUNet", "attention_head_dim": 16, "block_out_channels": [32, 64, 64, 64], "cross_attention_dim": 64,
             "down_block_types": ["CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"], "in_channels": 4, "layers_per_block": 1,
             "norm_num_groups": 8, "num_attention_heads": 64, "out_channels": 4, "sample_size": 32,
             "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"]}
            """,
        ["scheduler/scheduler_config.json"] = """
            {"_class_name": "DDIMScheduler", "beta_end": 0.02, "beta_schedule": "squaredcos_cap_v2", "beta_start": 0.0001, "clip_sample": false, "clip_sample_range": 1.0,
             "dynamic_thresholding_ratio": 0.995, "num_train_timesteps": 1000, "prediction_type": "v_prediction", "rescale_betas_zero_snr": true, "sample_max_value": 1.0,
             "set_alpha_to_one": true, "steps_offset": 1, "thresholding": false, "timestep_spacing": "leading", "trained_betas": null}
            """,
        ["feature_extractor/preprocessor_config.json"] = """
            {"crop_size": {"height": 224, "width": 224}, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711], "size": {"shortest_edge": 224}}
            """,
        ["tokenizer/tokenizer_config.json"] = """
            {"model_max_length": 77, "pad_token": "<|endoftext|>"}
            """,
    };

    /// <summary>Everything but the weights.</summary>
    public static void WriteTexts(string folder)
    {
        foreach (var (name, text) in Texts)
        {
            Write(folder, name, text);
        }

        File.WriteAllBytes(Path.Combine(folder, "tokenizer/vocab.json"), ClipVocabulary.VocabularyJson());
        File.WriteAllBytes(Path.Combine(folder, "tokenizer/merges.txt"), ClipVocabulary.Merges());
    }

    /// <summary>All of it; weights as safetensors in fp32.</summary>
    public static void WriteWhole(string folder)
    {
        WriteTexts(folder);
        var networks = I2VGenXl.Networks(I2VGenXlConfigs.Tiny, source => new RandomWeights(source, Seed), Target.Portable, TensorElementType.Float);
        foreach (var source in I2VGenXl.Sources)
        {
            var weights = new RandomWeights(source, Seed);
            var tensors = networks.Where(network => network.Source == source).SelectMany(network => network.Weights).DistinctBy(weight => weight.Key)
                .Select(weight => SafetensorsTensor.Floats(weight.Key, Values(weights, weight.Key, weight.Value), weight.Value))
                .ToList();
            var name = source is "text_encoder" or "image_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
            SafetensorsWriter.Write(Path.Combine(folder, source, name), tensors);
        }
    }

    public static void Write(string folder, string name, string text)
    {
        var path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    /// <summary>Exchanges a piece of one of its texts.</summary>
    public static void Change(string folder, string name, string old, string next)
    {
        Assert.Contains(old, Texts[name], StringComparison.Ordinal);
        Write(folder, name, Texts[name].Replace(old, next, StringComparison.Ordinal));
    }

    private static float[] Values(RandomWeights weights, string key, long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        weights.Read(key, shape, values);
        return values;
    }
}
