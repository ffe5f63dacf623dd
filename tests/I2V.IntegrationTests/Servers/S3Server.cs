using System.Diagnostics;

namespace I2V.IntegrationTests.Servers;

/// <param name="Endpoint">Such as <c>http://127.0.0.1:9000</c>.</param>
/// <param name="AccessKey">May make buckets.</param>
/// <param name="SecretKey">Of the access key.</param>
/// <param name="Bucket">Made when it is missing. Null: each user of the server takes a new one.</param>
internal sealed record S3Endpoint(string Endpoint, string AccessKey, string SecretKey, string? Bucket)
{
    /// <summary>The bucket that was asked for, else a name that nobody else has.</summary>
    public string BucketOrNew() => Bucket ?? $"i2v-test-{Guid.NewGuid():N}";
}

/// <summary>
/// The S3 server that tests use: the one that the environment names, else one that is started for this run and ended with
/// it. There is no third way: without either, a test fails with the sentence that says what to set.
/// </summary>
internal static class S3Server
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(5);
    private static readonly Lazy<Task<S3Endpoint>> Started = new(FindAsync);

    public static Task<S3Endpoint> GetAsync() => Started.Value;

    private static async Task<S3Endpoint> FindAsync()
    {
        if (Variable("I2V_TEST_S3_ENDPOINT") is { } endpoint)
        {
            return new S3Endpoint(endpoint, Needed("I2V_TEST_S3_ACCESS_KEY"), Needed("I2V_TEST_S3_SECRET_KEY"), Variable("I2V_TEST_S3_BUCKET"));
        }

        var tool = Path.Combine(Root(), "..", "shared", "tools", "s3-server", "s3-server");
        Assert.True(File.Exists(tool),
            "This test needs an S3 server: set I2V_TEST_S3_ENDPOINT, I2V_TEST_S3_ACCESS_KEY and I2V_TEST_S3_SECRET_KEY (MinIO's default is http://127.0.0.1:9000, minioadmin, minioadmin).");
        await RunAsync(tool, "install");
        return await StartAsync(tool);
    }

    private static async Task<S3Endpoint> StartAsync(string tool)
    {
        var folder = TestFolder.Create("s3");
        TestFolder.AtEnd(() => StopAsync(tool, folder));
        var output = await RunAsync(tool, "start", "--dir", folder, "--port", "0", "--access-key", "i2v-tests", "--secret-key", "i2v-tests-secret");
        return new S3Endpoint(output.TrimEnd().Split('\n')[^1].Trim(), "i2v-tests", "i2v-tests-secret", Bucket: null);
    }

    private static async Task StopAsync(string tool, string folder)
    {
        using var process = Launch(tool, ["stop", "--dir", folder]);
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
    }

    private static async Task<string> RunAsync(string tool, params string[] arguments)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        using var process = Launch(tool, arguments);
        var errors = process.StandardError.ReadToEndAsync(timeout.Token);
        var output = await process.StandardOutput.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        Assert.True(process.ExitCode == 0, $"The local S3 server could not be used ({arguments[0]}): {await errors}");
        return output;
    }

    private static Process Launch(string tool, string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        return Process.Start(start)!;
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static string Needed(string name)
    {
        Assert.True(Variable(name) is not null, $"I2V_TEST_S3_ENDPOINT is set, so {name} must be set too.");
        return Variable(name)!;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "I2V.Distributed.sln")))
        {
            folder = folder.Parent;
        }

        Assert.True(folder is not null, "The tests must run from inside the repository: I2V.Distributed.sln was not found above them.");
        return folder.FullName;
    }
}
