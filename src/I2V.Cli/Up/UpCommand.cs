using System.CommandLine;
using I2V.Cli.Configuration;

namespace I2V.Cli.Up;

/// <summary><c>i2v up</c>.</summary>
internal static class UpCommand
{
    private static readonly Option<int> Workers = new("--workers")
    {
        Description = "Worker processes, each with a device of its own.",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<int?> Port = new("--port") { Description = $"Port of the gateway on 127.0.0.1. Default: {UpOptions.DefaultPort}, or the next free one." };
    private static readonly Option<string[]> Gpu = new("--gpu")
    {
        Description = "Run workers on GPUs: in order, or on those that are named by their numbers in nvidia-smi or their uuids, one for each worker; with commas, or repeated.",
        HelpName = "INDEX|UUID",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private static readonly Option<DirectoryInfo[]> Model = new("--model")
    {
        Description = "Folder of a model package that the workers serve, besides motion and what the data folder holds; may be repeated. The first is loaded first.",
        HelpName = "FOLDER",
    };

    private static readonly Option<bool> NoInstall = new("--no-install") { Description = "Fail instead of installing what is missing." };
    private static readonly Option<string> Storage = new("--storage") { Description = "Where films are kept: folder or s3.", DefaultValueFactory = _ => "folder" };
    private static readonly Option<string?> S3Endpoint = new("--s3-endpoint") { Description = "Address of the S3 server, such as http://127.0.0.1:9000 (or I2V_S3_ENDPOINT)." };
    private static readonly Option<string?> S3Bucket = new("--s3-bucket") { Description = "Bucket (or I2V_S3_BUCKET); made when it is missing. Default: i2v." };
    private static readonly Option<string?> S3AccessKey = new("--s3-access-key") { Description = "Access key (or I2V_S3_ACCESS_KEY). The secret key comes from I2V_S3_SECRET_KEY only." };
    private static readonly Option<string?> S3Region = new("--s3-region") { Description = "Region (or I2V_S3_REGION). Default: us-east-1." };
    private static readonly Option<string?> S3PublicEndpoint = new("--s3-public-endpoint") { Description = "Address of the same server as browsers and workers reach it (or I2V_S3_PUBLIC_ENDPOINT)." };

    public static Command Create()
    {
        var command = new Command("up", "Start everything on this machine: database, broker, gateway and workers. Ctrl+C stops it.")
        {
            Workers, Port, DataOption.Instance, Gpu, Model, NoInstall, Storage, S3Endpoint, S3Bucket, S3AccessKey, S3Region, S3PublicEndpoint,
        };
        Workers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 64)
            {
                result.AddError("--workers must be 1 … 64.");
            }
        });
        Port.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 65_535)
            {
                result.AddError("--port must be 1 … 65535.");
            }
        });
        Storage.AcceptOnlyFromAmong("folder", "s3");
        command.SetAction(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var gpus = UpGpus.Find(parsed.GetValue(Gpu) ?? []);
        var options = new UpOptions
        {
            Workers = UpGpus.Workers(parsed.GetResult(Workers) is { Implicit: false } ? parsed.GetValue(Workers) : null, gpus.Count),
            Port = parsed.GetValue(Port),
            Data = DataOption.Folder(parsed),
            Gpu = parsed.GetResult(Gpu) is { Implicit: false },
            Gpus = gpus,
            Models = [.. (parsed.GetValue(Model) ?? []).Select(folder => Path.TrimEndingDirectorySeparator(folder.FullName)).Distinct()],
            Install = !parsed.GetValue(NoInstall),
            S3 = parsed.GetValue(Storage) == "s3" ? ReadS3(parsed) : null,
        };
        return new UpRun(options, new Steps(Console.Out, TimeProvider.System), TimeProvider.System).RunAsync(ct);
    }

    private static S3Options ReadS3(ParseResult parsed) => new()
    {
        Endpoint = Required(parsed.GetValue(S3Endpoint), "--s3-endpoint", "I2V_S3_ENDPOINT"),
        Bucket = parsed.GetValue(S3Bucket) ?? FromEnvironment("I2V_S3_BUCKET") ?? "i2v",
        AccessKey = Required(parsed.GetValue(S3AccessKey), "--s3-access-key", "I2V_S3_ACCESS_KEY"),
        SecretKey = FromEnvironment("I2V_S3_SECRET_KEY")
            ?? throw new CliException("`--storage s3` needs the secret key in the environment variable I2V_S3_SECRET_KEY.", ExitCode.Usage),
        Region = parsed.GetValue(S3Region) ?? FromEnvironment("I2V_S3_REGION") ?? "us-east-1",
        PublicEndpoint = parsed.GetValue(S3PublicEndpoint) ?? FromEnvironment("I2V_S3_PUBLIC_ENDPOINT"),
    };

    private static string Required(string? given, string option, string variable) =>
        given ?? FromEnvironment(variable) ?? throw new CliException($"`--storage s3` needs `{option}` (or {variable}).", ExitCode.Usage);

    private static string? FromEnvironment(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;
}
