using System.Buffers.Text;
using I2V.Gateway.Errors;
using I2V.Media;
using I2V.Protocol.Errors;

namespace I2V.Gateway.Jobs.Intake;

/// <summary>Finds the one picture of a request: a form's part, or an object that holds its address or its bytes.</summary>
internal sealed class ImageBinder(ErrorList errors, bool imageRequired = true)
{
    /// <param name="input">Where the picture may be named.</param>
    /// <param name="part">The form's picture, or null where there is none or the request is no form.</param>
    public ImageSource? Bind(Fields input, ReadOnlyMemory<byte>? part)
    {
        var pointer = input.At("image");
        var wrongBefore = errors.Has(pointer);
        var image = input.Object("image");
        if (part is { } file)
        {
            if (image is not null)
            {
                errors.Add(pointer, "Given twice, as a part and in the request; give it once.");
            }
            else if (file.IsEmpty)
            {
                errors.Add(pointer, "The image is empty: the file has no bytes. Send a PNG, JPEG or WebP.", ErrorCode.ImageUnreadable);
            }

            return new ImageSource.Inline(file);
        }

        if (image is null)
        {
            if (imageRequired && !wrongBefore && !errors.Has(pointer))
            {
                errors.Add(pointer, "An image is required: a form's file field \"image\", or JSON {\"url\": …} or {\"data_url\": …}.");
            }

            return null;
        }

        return BindObject(image);
    }

    private ImageSource? BindObject(Fields image)
    {
        image.Refuse("upload_id", "Separate uploads are not available yet: send the image as a form's file, a data_url or a url.");
        var url = image.Text("url", maxCharacters: 2_048, minCharacters: 1);
        var dataUrl = image.LongText("data_url");
        image.Close();
        if (url is not null && dataUrl is not null)
        {
            errors.Add(image.Pointer, "Holds both url and data_url; give one of them.");
            return null;
        }

        if (dataUrl is not null)
        {
            return DecodeDataUrl(dataUrl);
        }

        if (url is not null)
        {
            if (Uri.TryCreate(url, UriKind.Absolute, out var address))
            {
                return new ImageSource.Remote(address);
            }

            errors.Add(image.At("url"), "Is not an absolute address; send one such as https://example.com/photo.jpg.");
        }
        else if (!errors.Items.Any(error => error.Pointer.StartsWith(image.Pointer, StringComparison.Ordinal)))
        {
            errors.Add(image.Pointer, "Must hold url or data_url.");
        }

        return null;
    }

    private ImageSource.Inline? DecodeDataUrl(RawText text)
    {
        const string shape = "Must look like data:image/jpeg;base64,… with the whole file in base64.";
        var utf8 = text.Utf8.Span;
        var comma = utf8.IndexOf((byte)',');
        var header = comma is > 0 and < 128 ? utf8[..comma] : default;
        if (!header.StartsWith("data:"u8) || !header.EndsWith(";base64"u8))
        {
            errors.Add(text.Pointer, shape);
            return null;
        }

        var encoded = utf8[(comma + 1)..];
        if (encoded.IsEmpty || !Base64.IsValid(encoded, out var length))
        {
            errors.Add(text.Pointer, shape);
            return null;
        }

        if (length > new ImageLimits().MaxBytes)
        {
            throw new RefusedException(Problems.TooLarge(FormReader.ImageTooLarge));
        }

        var file = new byte[length];
        Base64.DecodeFromUtf8(encoded, file, out _, out var written);
        return new ImageSource.Inline(file.AsMemory(0, written));
    }
}
