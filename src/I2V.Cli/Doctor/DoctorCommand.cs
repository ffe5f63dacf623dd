using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using I2V.Cli.Configuration;
using I2V.Cli.Up;

namespace I2V.Cli.Doctor;

/// <summary><c>i2v doctor</c>: what is there, what is missing and how to mend it.</summary>
internal static class DoctorCommand
{
    private static readonly Option<bool> AsJson = new("--json") { Description = "Print one JSON object." };

    private static readonly Option<string?> Gpu = new("--gpu") { Description = "Try CUDA on this GPU: its number in nvidia-smi, or its uuid or how that begins.", HelpName = "INDEX|UUID" };

    // A provider is tried in a process of its own: a driver that crashes must not take the report with it.
    private static readonly Option<string?> Provider = new("--provider") { Hidden = true };

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        // For people and programs that read a terminal, not for a page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    public static Command Create()
    {
        var command = new Command("doctor", "Say what is there, what is missing and how to mend it, and which devices work.") { DataOption.Instance, AsJson, Gpu, Provider };
        command.SetAction((parsed, ct) => parsed.GetValue(Provider) is { } provider
            ? Task.FromResult(ProviderTrial.Run(provider, parsed.GetValue(Gpu)))
            : RunAsync(new DataFolder(DataOption.Folder(parsed)), parsed.GetValue(AsJson), parsed.GetValue(Gpu), ct));
        return command;
    }

    private static async Task<int> RunAsync(DataFolder data, bool asJson, string? gpu, CancellationToken ct)
    {
        List<Check> checks = [.. Examination.Programs(), .. Examination.Machine(data), .. await Examination.EngineAsync(gpu, ct)];
        var healthy = checks.TrueForAll(check => check.State != CheckState.Missing);
        if (asJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(new Report(healthy, checks), Json));
        }
        else
        {
            checks.ForEach(Print);
            Console.WriteLine(healthy ? "Everything that is needed is there." : "Something that is needed is missing.");
        }

        return healthy ? ExitCode.Ok : ExitCode.Failure;
    }

    private static void Print(Check check)
    {
        var mark = check.State switch { CheckState.Ok => "ok      ", CheckState.Missing => "missing ", _ => "note    " };
        Console.WriteLine($"{mark} {check.Name}: {check.Detail}");
        if (check.Mend is not null)
        {
            Console.WriteLine($"         {check.Mend}");
        }
    }

    private sealed record Report(bool Healthy, IReadOnlyList<Check> Checks);
}

internal enum CheckState
{
    Unknown = 0,
    Ok = 1,

    /// <summary>Worth knowing; nothing fails without it.</summary>
    Note = 2,

    /// <summary>Needed and not there.</summary>
    Missing = 3,
}

/// <param name="Mend">What to do, where there is something to do.</param>
internal sealed record Check(string Name, CheckState State, string Detail, string? Mend = null);
