using System.ComponentModel.DataAnnotations;

namespace I2V.Gateway.Retention;

/// <summary>How long what is kept. Section <c>Retention</c>. How long a film is kept is its job's <c>output.expires_in</c>.</summary>
internal sealed class RetentionOptions
{
    public const string Section = "Retention";

    /// <summary>Days that an ended job stays, with its attempts and events; never shorter than its film. 30.</summary>
    [Range(1, 3650, ErrorMessage = "Retention:JobDays must be 1 to 3650.")]
    public int JobDays { get; set; } = 30;

    /// <summary>
    /// Age in hours from which a stored object that no row knows is deleted. 24. At least 1: a picture is stored before its job is
    /// written, and upload links last a quarter of an hour.
    /// </summary>
    [Range(1, 8760, ErrorMessage = "Retention:OrphanHours must be 1 to 8760: younger objects may belong to a job that is just being written.")]
    public int OrphanHours { get; set; } = 24;

    /// <summary>Hours between two walks through everything that is stored. 6.</summary>
    [Range(1, 720, ErrorMessage = "Retention:ScanHours must be 1 to 720.")]
    public int ScanHours { get; set; } = 6;

    /// <summary>Seconds between two rounds of a gateway. 60.</summary>
    [Range(1, 3600, ErrorMessage = "Retention:SweepSeconds must be 1 to 3600.")]
    public int SweepSeconds { get; set; } = 60;

    /// <summary>Most rows that one statement changes, so that none holds locks for long. 50.</summary>
    [Range(1, 1000, ErrorMessage = "Retention:BatchSize must be 1 to 1000.")]
    public int BatchSize { get; set; } = 50;
}
