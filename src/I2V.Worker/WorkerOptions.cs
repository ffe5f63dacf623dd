using System.ComponentModel.DataAnnotations;
using I2V.Inference.Devices;

namespace I2V.Worker;

/// <summary>What one worker process is told. Section <c>Worker</c>, so <c>Worker__Key</c> in the environment.</summary>
public sealed class WorkerOptions : IValidatableObject
{
    public const string Section = "Worker";

    /// <summary>Base address of the gateway, such as <c>http://127.0.0.1:8080</c>.</summary>
    [Required(ErrorMessage = "Worker:GatewayUrl is missing: set it to the gateway's address, such as http://127.0.0.1:8080.")]
    [RegularExpression("^https?://[^/?#]+/?$", ErrorMessage = "Worker:GatewayUrl must be http://HOST:PORT or https://HOST without a path.")]
    public string GatewayUrl { get; set; } = "";

    /// <summary>An API key with the scope <c>worker</c>.</summary>
    [Required(ErrorMessage = "Worker:Key is missing: set it to an API key with the scope worker.")]
    [RegularExpression("^i2v_live_[0-9A-Za-z]{8}_[0-9A-Za-z_-]{43,}$", ErrorMessage = "Worker:Key is not a key of this system: it must look like i2v_live_XXXXXXXX_….")]
    public string Key { get; set; } = "";

    /// <summary>A folder that holds package folders, or one package.</summary>
    [Required(ErrorMessage = "Worker:Packages is missing: set it to the folder that holds the model packages.")]
    public string Packages { get; set; } = "";

    /// <summary>Folders of further packages, wherever they are; <c>Worker__Models__0</c> in the environment. The first of them is loaded first.</summary>
    public IList<string> Models { get; } = [];

    /// <summary><c>cpu</c>, <c>cuda</c> or <c>webgpu</c>.</summary>
    [AllowedValues("cpu", "cuda", "webgpu", ErrorMessage = "Worker:Provider must be cpu, cuda or webgpu.")]
    public string Provider { get; set; } = "cpu";

    /// <summary>
    /// Which device of that kind. With <c>cuda</c> a position among the GPUs that <c>CUDA_VISIBLE_DEVICES</c> leaves; for the
    /// processor it only tells workers of one host apart.
    /// </summary>
    [Range(0, 255, ErrorMessage = "Worker:DeviceIndex must be 0 … 255.")]
    public int DeviceIndex { get; set; }

    /// <summary>For <c>cuda</c>, instead of <see cref="DeviceIndex"/>: the GPU's number in nvidia-smi, or its uuid or a MIG instance's, or a unique beginning of it.</summary>
    public string? Gpu { get; set; }

    /// <summary>For <c>cpu</c> and <c>webgpu</c>: the most memory that this process may use, in bytes or such as <c>8GB</c> (2³⁰ each). Default: the host's, or the container's.</summary>
    [RegularExpression(ByteSize.Pattern, ErrorMessage = "Worker:MemoryLimit must be a number of bytes, or such as 8GB or 512MB.")]
    public string? MemoryLimit { get; set; }

    /// <summary>Where running attempts keep their files; each device uses a folder of its own below it.</summary>
    [Required(ErrorMessage = "Worker:Scratch must not be empty.")]
    public string Scratch { get; set; } = Path.Combine(Path.GetTempPath(), "i2v-worker");

    /// <summary>Where the worker keeps what its runs taught it about its device; several workers may share the folder.</summary>
    [Required(ErrorMessage = "Worker:State must not be empty.")]
    public string State { get; set; } = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) is { Length: > 0 } home ? home : Path.GetTempPath(), "i2v", "worker");

    /// <summary>Processor threads for one operator; 0 lets the runtime choose.</summary>
    [Range(0, 1024, ErrorMessage = "Worker:Threads must be 0 (automatic) … 1024.")]
    public int Threads { get; set; }

    /// <summary>
    /// How long a stopping worker lets the running job go on when its estimate fits; otherwise the job is given back at once.
    /// Keep the supervisor's own limit at least 15 s above it. 30 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "02:00:00", ErrorMessage = "Worker:DrainTimeout must be 0 … 2 hours.")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A worker that has asked for no job for this long asks without a ticket, so that a dead broker only costs time. 10 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00", ErrorMessage = "Worker:IdlePoll must be 1 second … 10 minutes.")]
    public TimeSpan IdlePoll { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an idle worker's ticket queue may be unhealthy while the broker answers, before the process ends itself. 1 min.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "01:00:00", ErrorMessage = "Worker:UnhealthyLimit must be 10 seconds … 1 hour.")]
    public TimeSpan UnhealthyLimit { get; set; } = TimeSpan.FromMinutes(1);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!string.IsNullOrWhiteSpace(Gpu) && Provider != "cuda")
        {
            yield return new ValidationResult($"Worker:Gpu names a GPU for the provider cuda, but Worker:Provider is {Provider}: set it to cuda, or leave Worker:Gpu out.", [nameof(Gpu)]);
        }

        if (!string.IsNullOrWhiteSpace(Gpu) && DeviceIndex != 0)
        {
            yield return new ValidationResult("Worker:Gpu and Worker:DeviceIndex both say which GPU: leave one of them out.", [nameof(Gpu), nameof(DeviceIndex)]);
        }

        if (!string.IsNullOrWhiteSpace(MemoryLimit) && Provider == "cuda")
        {
            yield return new ValidationResult("Worker:MemoryLimit is for the providers cpu and webgpu; with cuda the driver tells how much there is: leave it out.", [nameof(MemoryLimit)]);
        }

        if (!string.IsNullOrWhiteSpace(MemoryLimit) && ByteSize.TryParse(MemoryLimit) is null)
        {
            yield return new ValidationResult("Worker:MemoryLimit must be at least one byte and no more than a machine can have.", [nameof(MemoryLimit)]);
        }
    }
}
