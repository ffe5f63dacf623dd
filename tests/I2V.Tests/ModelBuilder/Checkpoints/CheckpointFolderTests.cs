using System.Text.Json.Nodes;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Checkpoints;
using I2V.Tests.Inference;

namespace I2V.Tests.ModelBuilder.Checkpoints;

public sealed class CheckpointFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_constant_is_read_from_the_models_own_files()
    {
        TinyCheckpoint.WriteWhole(folder.Path);
        TinyCheckpoint.Change(folder.Path, "vae/config.json", "0.18125", "0.18215");
        TinyCheckpoint.Change(folder.Path, "scheduler/scheduler_config.json", "\"leading\"", "\"trailing\"");
        TinyCheckpoint.Change(folder.Path, "feature_extractor/preprocessor_config.json", "[0.48145466, 0.4578275, 0.40821073]", "[0.5, 0.5, 0.5]");
        TinyCheckpoint.Change(folder.Path, "tokenizer/tokenizer_config.json", "\"<|endoftext|>\"", "{\"content\": \"!\"}");

        using var checkpoint = I2VGenXlCheckpoints.Open(folder.Path);

        Assert.Equal(I2VGenXlConfigs.Tiny.Unet with { BlockOutChannels = [] }, checkpoint.Configs.Unet with { BlockOutChannels = [] });
        Assert.Equal(I2VGenXlConfigs.Tiny.Unet.BlockOutChannels, checkpoint.Configs.Unet.BlockOutChannels);
        Assert.Equal(I2VGenXlConfigs.Tiny.TextEncoder, checkpoint.Configs.TextEncoder);
        Assert.Equal(I2VGenXlConfigs.Tiny.ImageEncoder, checkpoint.Configs.ImageEncoder);
        Assert.Equal(0.18215, checkpoint.Configs.Vae.ScalingFactor);
        Assert.Equal(("trailing", "v_prediction", true, 1), (checkpoint.Scheduler.TimestepSpacing, checkpoint.Scheduler.PredictionType, checkpoint.Scheduler.RescaleBetasZeroSnr, checkpoint.Scheduler.StepsOffset));
        Assert.Equal([0.5, 0.5, 0.5], checkpoint.ImageEncoder.Mean);
        Assert.Equal(("!", 77, "mit"), (checkpoint.Tokenizer.Pad, checkpoint.Tokenizer.MaxLength, checkpoint.License));
        Assert.Equal(["LICENSE", "tokenizer/merges.txt", "tokenizer/vocab.json"], checkpoint.Files.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Without_a_feature_extractor_pictures_are_prepared_as_clip_does()
    {
        TinyCheckpoint.WriteWhole(folder.Path);
        Directory.Delete(folder.File("feature_extractor"), recursive: true);

        using var checkpoint = I2VGenXlCheckpoints.Open(folder.Path);

        Assert.Equal((224, 0.48145466, 0.27577711), (checkpoint.ImageEncoder.Size, checkpoint.ImageEncoder.Mean[0], checkpoint.ImageEncoder.Std[2]));
    }

    [Theory]
    [InlineData("vae/config.json", "\"silu\"", "\"relu\"", "act_fn = \"relu\"")]
    [InlineData("vae/config.json", "\"force_upcast\": true", "\"shift_factor\": 0.1", "shift_factor = 0.1")]
    [InlineData("vae/config.json", "\"force_upcast\": true", "\"gating\": true", "gating = true")]
    [InlineData("vae/config.json", "[32, 32, 64, 64]", "[32, \"wide\"]", "block_out_channels = [32, \"wide\"], but it must be a list of whole numbers")]
    [InlineData("unet/config.json", "\"UpBlock3D\", \"CrossAttnUpBlock3D\"", "\"CrossAttnUpBlock3D\", \"CrossAttnUpBlock3D\"", "up_block_types")]
    [InlineData("unet/config.json", "\"in_channels\": 4", "\"in_channels\": 8", "in_channels = 8")]
    [InlineData("unet/config.json", "\"sample_size\": 32", "\"use_linear_projection\": true", "use_linear_projection = true")]
    [InlineData("unet/config.json", "\"layers_per_block\": 1", "\"layers_per_block\": \"one\"", "layers_per_block = \"one\", but it must be a whole number")]
    [InlineData("text_encoder/config.json", "\"gelu\"", "\"silu\"", "hidden_act = \"silu\", but it must be gelu or quick_gelu")]
    [InlineData("text_encoder/config.json", "\"hidden_size\": 64,", "", "no hidden_size")]
    [InlineData("image_encoder/config.json", "\"num_channels\": 3", "\"num_channels\": 4", "num_channels = 4")]
    [InlineData("scheduler/scheduler_config.json", "\"leading\"", "\"sometimes\"", "timestep_spacing = \"sometimes\"")]
    [InlineData("scheduler/scheduler_config.json", "\"thresholding\": false", "\"thresholding\": true", "thresholding = true")]
    [InlineData("feature_extractor/preprocessor_config.json", "{\"height\": 224, \"width\": 224}", "336", "crop_size = 336")]
    [InlineData("model_index.json", "\"DDIMScheduler\"", "\"PNDMScheduler\"", "scheduler")]
    public void A_value_whose_arithmetic_is_not_known_is_refused_by_its_name(string file, string old, string next, string named)
    {
        TinyCheckpoint.WriteWhole(folder.Path);
        TinyCheckpoint.Change(folder.Path, file, old, next);

        var refusal = Assert.Throws<CheckpointException>(() => I2VGenXlCheckpoints.Open(folder.Path));

        Assert.StartsWith(folder.File(file) + " has ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_family_is_named_with_what_is_supported()
    {
        TinyCheckpoint.Write(folder.Path, "model_index.json", new JsonObject { ["_class_name"] = "EasyAnimateInpaintPipeline" }.ToJsonString());

        var refusal = Assert.Throws<CheckpointException>(() => I2VGenXlCheckpoints.Open(folder.Path));

        Assert.Equal($"{folder.Path} is a checkpoint for EasyAnimateInpaintPipeline; this version builds I2VGenXLPipeline (i2vgen-xl).", refusal.Message);
    }

    [Theory]
    [InlineData(null, "has no model_index.json")]
    [InlineData("{", "cannot be read")]
    [InlineData("[]", "must hold a JSON object")]
    public void A_folder_that_is_no_checkpoint_is_refused_in_one_sentence(string? index, string why)
    {
        if (index is not null)
        {
            TinyCheckpoint.Write(folder.Path, "model_index.json", index);
        }

        Assert.Contains(why, Assert.Throws<CheckpointException>(() => I2VGenXlCheckpoints.Open(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("is not a folder", Assert.Throws<CheckpointException>(() => I2VGenXlCheckpoints.Open(folder.File("none"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        TinyCheckpoint.WriteWhole(folder.Path);
        File.Delete(folder.File("tokenizer/merges.txt"));
        Assert.Contains(folder.File("tokenizer/merges.txt"), Assert.Throws<CheckpointException>(() => I2VGenXlCheckpoints.Open(folder.Path)).Message, StringComparison.Ordinal);
        File.Delete(folder.File("vae/config.json"));
        Assert.Contains(folder.File("vae/config.json") + " is missing", Assert.Throws<CheckpointException>(() => I2VGenXlCheckpoints.Open(folder.Path)).Message, StringComparison.Ordinal);
    }
}
