using System.Security.Cryptography;
using I2V.Inference.Models;
using I2V.Inference.Pipelines;
using I2V.ModelBuilder.Architectures;
using I2V.ModelBuilder.Onnx;
using I2V.ModelBuilder.Packages;

namespace I2V.ModelBuilder;

/// <summary>
/// The package that needs no download: a camera move over one picture, not a diffusion model. Its files are the same
/// bytes every time.
/// </summary>
public static class MotionPackage
{
    /// <summary>The model's name and its folder's.</summary>
    public const string Name = "motion";

    private const string Version = "1.0.0";

    private const int MaxAttempts = 20;

    /// <summary>
    /// Makes sure that <paramref name="packagesFolder"/> holds this version of the package, undamaged; builds it when not.
    /// Several processes may do so at the same time.
    /// </summary>
    /// <returns>The package's folder.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static string Ensure(string packagesFolder)
    {
        var folder = Path.Combine(packagesFolder, Name);
        return IsCurrent(folder) ? folder : Build(packagesFolder);
    }

    /// <summary>Writes the package aside and moves it to <c>motion/</c> in one piece, in place of what is there.</summary>
    /// <returns>The package's folder.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static string Build(string packagesFolder)
    {
        Directory.CreateDirectory(packagesFolder);
        var folder = Path.Combine(packagesFolder, Name);
        var unfinished = Path.Combine(packagesFolder, $".{Name}-{Guid.NewGuid():n}");
        try
        {
            Directory.CreateDirectory(unfinished);
            foreach (var (path, content) in Files())
            {
                File.WriteAllBytes(Path.Combine(unfinished, path), content);
            }

            Replace(folder, unfinished);
            return folder;
        }
        finally
        {
            DeleteIfThere(unfinished);
        }
    }

    private static bool IsCurrent(string folder)
    {
        try
        {
            return ModelPackage.Open(folder).Sha256 == Convert.ToHexStringLower(SHA256.HashData(Files()[ModelManifestJson.FileName]));
        }
        catch (GenerationException)
        {
            return false;
        }
    }

    private static void Replace(string folder, string finished)
    {
        for (var attempt = 1; !TryReplace(folder, finished); attempt++)
        {
            // Another process moved its own there first: the same files, so it is done; or it is between its two moves.
            if (IsCurrent(folder))
            {
                return;
            }

            if (attempt == MaxAttempts)
            {
                throw new IOException($"{folder} cannot be replaced: it changes all the time, or may not be written.");
            }
        }
    }

    private static bool TryReplace(string folder, string finished)
    {
        var old = $"{finished}-old";
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Move(folder, old);
            }

            Directory.Move(finished, folder);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            DeleteIfThere(old);
        }
    }

    private static void DeleteIfThere(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Dictionary<string, byte[]> Files()
    {
        var files = new Dictionary<string, byte[]>
        {
            ["LICENSE"] = ProductLicense.Text(),
            ["camera.onnx"] = OnnxFile.ToBytes(MotionGraph.Camera()),
            ["picture.onnx"] = OnnxFile.ToBytes(MotionGraph.Picture()),
        };
        files[ModelManifestJson.FileName] = ModelManifestJson.Write(Manifest(files));
        return files;
    }

    private static ModelManifest Manifest(Dictionary<string, byte[]> files) => new()
    {
        Name = Name,
        Family = Name,
        Version = Version,
        License = ProductLicense.Identifier,
        Description = "A camera move over one picture (zoom, pan or sway, read from the prompt). Not a diffusion model: nothing in the picture moves by itself.",
        Precision = "fp32",
        Components = new Dictionary<string, ModelComponent>
        {
            ["picture"] = new("picture.onnx", "portable", WeightBytes: 0),
            ["camera"] = new("camera.onnx", "portable", WeightBytes: 0),
        },
        Frames = new FrameLimits("any", Min: 1, Max: 64),
        Sizes = new SizeLimits(MultipleOf: 2, Min: 64, Max: 2048, DefaultLongestSide: 512),
        Fps = new Range<int>(1, 60),
        UsedSettings = ["prompt", "width", "height", "num_frames", "fps", "seed", "motion_amount"],
        Defaults = new ModelDefaults { NumFrames = 16, Fps = 8, MotionAmount = 0.5 },
        Files = files.ToDictionary(file => file.Key, file => Convert.ToHexStringLower(SHA256.HashData(file.Value))),
    };
}
