using System.Globalization;
using I2V.Gateway.Errors;
using I2V.Media;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>
/// Reads multipart/form-data part by part, with every limit applied while bytes arrive. The framework's form reader would
/// buffer files to disk and replace bytes that are not UTF-8 before anybody could refuse them.
/// </summary>
internal sealed class FormReader(ErrorList errors)
{
    public const string ImageTooLarge = "The image is larger than 20 MiB, the most that is taken. Send a smaller file.";

    private const int MaxParts = 64;

    /// <summary>Far above the longest prompt in bytes, and small enough to hold.</summary>
    private const int MaxTextBytes = 64 << 10;

    private readonly RawObject root = new("");
    private readonly RawObject input = new("/input");
    private ReadOnlyMemory<byte>? image;
    private bool hasRequest;

    /// <exception cref="RefusedException">It is no form, or larger than allowed; what else is wrong is added to the errors.</exception>
    public async Task<(RawObject Root, ReadOnlyMemory<byte>? Image)> ReadAsync(Stream body, string boundary, CancellationToken ct)
    {
        var reader = new MultipartReader(boundary, body) { HeadersCountLimit = 16, HeadersLengthLimit = 8 << 10 };
        try
        {
            for (var parts = 0; await reader.ReadNextSectionAsync(ct) is { } section; parts++)
            {
                if (parts == MaxParts)
                {
                    throw new RefusedException(Problems.Invalid("", $"The form has more than {MaxParts} parts."));
                }

                await ReadPartAsync(section, ct);
            }
        }
        catch (Exception error) when (error is InvalidDataException or (IOException and not BadHttpRequestException) && !ct.IsCancellationRequested)
        {
            throw new RefusedException(Problems.Invalid("", "The form is damaged or ends before its closing boundary."));
        }

        MergeInput();
        return (root, image);
    }

    private async Task ReadPartAsync(MultipartSection section, CancellationToken ct)
    {
        var disposition = section.GetContentDispositionHeader();
        var name = HeaderUtilities.RemoveQuotes(disposition?.Name ?? default).Value;
        if (string.IsNullOrEmpty(name))
        {
            errors.Add("", "A part of the form has no name; give each one Content-Disposition: form-data; name=\"…\".");
            return;
        }

        switch (name)
        {
            case "image":
                await ReadImageAsync(section, ct);
                break;
            case "request":
                await ReadRequestAsync(section, ct);
                break;
            default:
                await ReadFieldAsync(name, section, ct);
                break;
        }
    }

    private async Task ReadImageAsync(MultipartSection section, CancellationToken ct)
    {
        if (image is not null)
        {
            throw new RefusedException(Problems.Invalid("/input/image", "The form holds more than one image; send one."));
        }

        image = await BoundedBody.ReadAsync(section.Body, new ImageLimits().MaxBytes, ImageTooLarge, ct);
    }

    private async Task ReadRequestAsync(MultipartSection section, CancellationToken ct)
    {
        if (hasRequest)
        {
            errors.Add("", "The part \"request\" is given twice; give it once.");
            return;
        }

        hasRequest = true;
        if (await ReadTextAsync("request", "", section, ct) is not { } json || StrictJson.Parse(json, errors, "The part \"request\"") is not { } parsed)
        {
            return;
        }

        foreach (var (name, value) in parsed.Members)
        {
            Add(root, name, value);
        }
    }

    private async Task ReadFieldAsync(string name, MultipartSection section, CancellationToken ct)
    {
        var target = RequestBinder.InputNames.Contains(name) ? input : root;
        var pointer = RawValue.Child(target.Pointer, name);
        if (target == root && !RequestBinder.TopNames.Contains(name))
        {
            var known = RequestBinder.InputNames.Concat(RequestBinder.TopNames).Order(StringComparer.Ordinal);
            errors.Add(pointer, $"Unknown field. A form knows image, request, {string.Join(", ", known)}.");
            return;
        }

        if (await ReadTextAsync(name, pointer, section, ct) is not { } utf8)
        {
            return;
        }

        if (TextRules.Check(utf8.Span) is { } wrong)
        {
            errors.Add(pointer, wrong);
            return;
        }

        Add(target, name, new RawText(pointer, utf8, FromForm: true));
    }

    private async Task<ReadOnlyMemory<byte>?> ReadTextAsync(string name, string pointer, MultipartSection section, CancellationToken ct)
    {
        var charset = section.ContentType is { } type && MediaTypeHeaderValue.TryParse(type, out var parsed) ? parsed.Charset.Value : null;
        if (charset is not null && !charset.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            errors.Add(pointer, $"Is sent as {charset}; text is read as UTF-8 only.");
            return null;
        }

        if (await BoundedBody.TryReadAsync(section.Body, MaxTextBytes, ct) is { } bytes)
        {
            return bytes;
        }

        var detail = name.EndsWith("prompt", StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"Is longer than {RequestBinder.MaxPromptCharacters:N0} characters, the most that is taken.")
            : $"Is longer than {MaxTextBytes} bytes.";
        errors.Add(pointer, detail);
        return null;
    }

    /// <summary>Puts the flat fields where JSON has them.</summary>
    private void MergeInput()
    {
        if (!root.Members.TryGetValue("input", out var given))
        {
            root.Members["input"] = input;
            return;
        }

        if (given is RawObject target)
        {
            foreach (var (name, value) in input.Members)
            {
                Add(target, name, value);
            }
        }
    }

    private void Add(RawObject target, string name, RawValue value)
    {
        if (!target.Members.TryAdd(name, value))
        {
            errors.Add(RawValue.Child(target.Pointer, name), "Given twice; give it once.");
        }
    }
}
