using System.Net.Http.Headers;
using System.Text.Json;
using I2V.Protocol;
using I2V.Protocol.Jobs;

namespace I2V.Cli.Jobs;

/// <summary>A submission as a form: the photo as a file, every setting that was given as a field of its name.</summary>
internal sealed record SubmitForm(FileInfo Photo, JobSettings Settings, string? Model, int? Priority)
{
    /// <summary>Null leaves it to the gateway.</summary>
    public JobFit? Fit { get; init; }

    /// <summary>A fresh form for each try, since sending one uses it up.</summary>
    public MultipartFormDataContent Build()
    {
        var form = new MultipartFormDataContent();
        foreach (var (name, value) in Fields())
        {
            form.Add(new StringContent(value), name);
        }

        var image = new StreamContent(Photo.OpenRead());
        image.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        form.Add(image, "image", "photo" + Photo.Extension);
        return form;
    }

    /// <summary>The settings by their names in the protocol; the serializer knows these names and leaves out what is open.</summary>
    internal IEnumerable<(string Name, string Value)> Fields()
    {
        var settings = JsonSerializer.SerializeToElement(Settings, I2VJson.Options);
        foreach (var setting in settings.EnumerateObject())
        {
            yield return (setting.Name, setting.Value.ToString());
        }

        if (Model is not null)
        {
            yield return ("model", Model);
        }

        if (Priority is { } priority)
        {
            yield return ("priority", priority.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        if (Fit is not null)
        {
            // It has fields of its own, which a form can only hold as JSON.
            yield return ("request", JsonSerializer.Serialize(new { Fit }, I2VJson.Options));
        }
    }
}
