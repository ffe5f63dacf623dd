using System.Xml.Linq;

namespace I2V.Tests;

/// <summary>Pins the arrows between projects: a new one is a decision, not an accident.</summary>
public sealed class ProjectGraphTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["I2V.Protocol"] = [],
        ["I2V.Media"] = [],
        ["I2V.Inference"] = ["I2V.Media"],
        ["I2V.ModelBuilder"] = ["I2V.Inference"],
        ["I2V.Gateway"] = ["I2V.Media", "I2V.Protocol"],
        ["I2V.Worker"] = ["I2V.Inference", "I2V.Protocol"],
        ["I2V.Cli"] = ["I2V.Inference", "I2V.ModelBuilder", "I2V.Protocol"],
    };

    [Fact]
    public void Every_project_references_only_what_the_architecture_allows()
    {
        var found = Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories)
            .ToDictionary(
                file => Path.GetFileNameWithoutExtension(file),
                file => XDocument.Load(file).Descendants("ProjectReference")
                    .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))
                    .Order(StringComparer.Ordinal)
                    .ToArray());

        Assert.Equal(Allowed.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        foreach (var (project, references) in found)
        {
            Assert.Equal(Allowed[project], references);
        }
    }
}
