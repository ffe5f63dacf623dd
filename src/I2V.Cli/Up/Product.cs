using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary>Where the built programs lie. Every project builds into <c>artifacts/bin/PROJECT/CONFIGURATION</c>.</summary>
internal static class Product
{
    /// <summary>The checkout that this program was built from.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Data of the default stack, and what is downloaded once for all of them.</summary>
    public static string DefaultData => Path.Combine(Root, ".i2v");

    /// <summary>The program of another project, built with the same configuration as this one.</summary>
    public static string Program(string project)
    {
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));
        var file = Path.Combine(Root, "artifacts", "bin", project, configuration, project + ".dll");
        return File.Exists(file)
            ? file
            : throw new CliException($"{file} is missing; run the launcher `./i2v`, which builds what is missing.");
    }

    /// <summary>The <c>dotnet</c> host that runs this process.</summary>
    public static string DotNet { get; } =
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet";

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "I2V.Distributed.sln")))
            {
                return folder.FullName;
            }
        }

        throw new CliException("This program must stay inside its checkout, where it finds the gateway and the worker: I2V.Distributed.sln is not above it.");
    }
}
