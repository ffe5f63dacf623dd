using System.Buffers.Binary;
using System.Net;
using System.Text;
using I2V.Media.Images;
using I2V.Protocol.Errors;

namespace I2V.IntegrationTests.Jobs;

/// <summary>Each bad request gets its code and a sentence, and leaves rows, objects and temporary files as they were.</summary>
public sealed class BadInputTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private const string Hls = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    private const string Svg = "<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>";
    private readonly CancellationToken ct = TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Images => new()
    {
        { "not an image", ErrorCode.ImageUnreadable },
        { "truncated", ErrorCode.ImageUnreadable },
        { "60000 x 60000 header", ErrorCode.ImageTooLarge },
        { "bomb", ErrorCode.ImageTooLarge },
        { "playlist", ErrorCode.ImageUnreadable },
        { "svg", ErrorCode.ImageUnreadable },
        { "empty", ErrorCode.ImageUnreadable },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public async Task A_bad_image_is_refused_by_name(string kind, string code)
    {
        var image = kind switch
        {
            "not an image" => "hello, I am a text"u8.ToArray(),
            "truncated" => ApiFixture.Photo[..(ApiFixture.Photo.Length / 2)],
            "60000 x 60000 header" => WithSize(60_000, 60_000),
            "bomb" => WithSize(16_000, 16_000),
            "playlist" => Encoding.ASCII.GetBytes(Hls),
            "svg" => Encoding.ASCII.GetBytes(Svg),
            _ => [],
        };

        var problem = await RefusedAsync(ApiFixture.Form(image), HttpStatusCode.BadRequest, code);

        Assert.Equal("/input/image", Assert.Single(problem.Errors!).Pointer);
    }

    [Theory]
    [InlineData("model", "sora", "/model", ErrorCode.UnsupportedModel, "lab, motion")]
    [InlineData("colour", "red", "/colour", ErrorCode.InvalidInput, "Unknown field")]
    [InlineData("num_frames", "0", "/input/num_frames", ErrorCode.InvalidInput, "1 to 64")]
    [InlineData("num_frames", "1000000", "/input/num_frames", ErrorCode.InvalidInput, "1 to 64")]
    [InlineData("guidance_scale", "NaN", "/input/guidance_scale", ErrorCode.InvalidInput, "finite")]
    [InlineData("width", "33", "/input/width", ErrorCode.InvalidInput, "take 32 or 34")]
    [InlineData("fps", "61", "/input/fps", ErrorCode.InvalidInput, "1 to 60")]
    public async Task A_bad_field_is_refused_with_what_would_be_right(string name, string value, string pointer, string code, string says)
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, (name, value)), HttpStatusCode.BadRequest, code);

        var error = Assert.Single(problem.Errors!);
        Assert.Equal(pointer, error.Pointer);
        Assert.Contains(says, error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_of_frames_against_the_rule_has_a_code_of_its_own()
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, ("model", "lab"), ("num_frames", "8")), HttpStatusCode.BadRequest, ErrorCode.FrameRule);

        Assert.Contains("take 5 or 9", problem.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\\u0000b")]
    [InlineData("\\ud800")]
    [InlineData("x\\udfffy")]
    public async Task A_prompt_that_is_no_text_is_refused_in_JSON(string prompt)
    {
        var body = $$$"""{"input":{"prompt":"{{{prompt}}}","image":{"data_url":"data:image/png;base64,{{{Convert.ToBase64String(ApiFixture.Photo)}}}"} } }""";

        var problem = await RefusedAsync(ApiFixture.Json(body), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal("/input/prompt", Assert.Single(problem.Errors!).Pointer);
    }

    [Theory]
    [InlineData(new byte[] { 0 })]
    [InlineData(new byte[] { 0xff, 0xfe })]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 })]
    public async Task A_prompt_that_is_no_text_is_refused_in_forms(byte[] prompt)
    {
        var form = ApiFixture.Form(ApiFixture.Photo);
        form.Add(new ByteArrayContent(prompt), "prompt");

        var problem = await RefusedAsync(form, HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal("/input/prompt", Assert.Single(problem.Errors!).Pointer);
    }

    [Fact]
    public async Task A_prompt_of_a_megabyte_is_refused()
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, ("prompt", new string('x', 1 << 20))), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Contains("4,000", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_above_the_limit_is_413() =>
        await RefusedAsync(ApiFixture.Form(new byte[(20 << 20) + 1]), HttpStatusCode.RequestEntityTooLarge, ErrorCode.PayloadTooLarge);

    [Fact]
    public async Task A_chunked_body_that_names_no_length_is_413_at_the_limit()
    {
        using var content = new StreamContent(new NamelessStream(32 << 20));
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        await RefusedAsync(content, HttpStatusCode.RequestEntityTooLarge, ErrorCode.PayloadTooLarge);
    }

    [Fact]
    public async Task Errors_of_fields_and_limits_come_together()
    {
        var problem = await RefusedAsync(ApiFixture.Form(ApiFixture.Photo, ("colour", "red"), ("num_frames", "0"), ("seed", "-1")), HttpStatusCode.BadRequest, ErrorCode.InvalidInput);

        Assert.Equal(["/colour", "/input/num_frames", "/input/seed"], problem.Errors!.Select(error => error.Pointer).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("GET", "/v1/nothing", HttpStatusCode.NotFound, ErrorCode.NotFound)]
    [InlineData("PATCH", "/v1/jobs", HttpStatusCode.MethodNotAllowed, ErrorCode.InvalidInput)]
    [InlineData("POST", "/v1/jobs", HttpStatusCode.UnsupportedMediaType, ErrorCode.InvalidInput)]
    public async Task What_the_framework_refuses_is_a_problem_too(string method, string path, HttpStatusCode status, string code)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await api.Client.SendAsync(request, ct);

        await ApiFixture.ProblemAsync(response, status, code);
    }

    private async Task<Problem> RefusedAsync(HttpContent content, HttpStatusCode status, string code)
    {
        var before = await api.Gateway.LeftoversAsync();
        using var response = await api.Client.PostAsync("/v1/jobs", content, ct);
        var problem = await ApiFixture.ProblemAsync(response, status, code);
        Assert.Equal(before, await api.Gateway.LeftoversAsync());
        return problem;
    }

    /// <summary>The same PNG with another size in its header, its checksum mended, so that only the size is wrong.</summary>
    private static byte[] WithSize(int width, int height)
    {
        var file = ApiFixture.Photo.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(file.AsSpan(20), height);
        BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(29), Crc32.Append(0, file.AsSpan(12, 17)));
        return file;
    }

    /// <summary>Spaces whose number nobody knows before they have come.</summary>
    private sealed class NamelessStream(int bytes) : Stream
    {
        private int left = bytes;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = Math.Min(count, left);
            buffer.AsSpan(offset, read).Fill((byte)' ');
            left -= read;
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
