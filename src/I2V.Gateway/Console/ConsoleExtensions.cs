using I2V.Gateway.Storage;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Console;

/// <summary>Serves the console: plain files beside the program, under a policy that lets them load nothing from elsewhere but films.</summary>
internal static class ConsoleExtensions
{
    public static IApplicationBuilder UseConsole(this WebApplication app)
    {
        // Beside the program and not below the working directory, which is whatever the starter's shell stood in.
        var files = new PhysicalFileProvider(Path.Combine(AppContext.BaseDirectory, "wwwroot"));
        var policy = Policy(app.Services.GetRequiredService<IOptions<StorageOptions>>().Value);
        return app
            .UseDefaultFiles(new DefaultFilesOptions { FileProvider = files })
            .UseStaticFiles(new StaticFileOptions { FileProvider = files, OnPrepareResponse = file => Guard(file.Context.Response, policy) });
    }

    /// <summary>Films come from the store's public address, which is this gateway's own for a folder.</summary>
    public static string Policy(StorageOptions storage)
    {
        var origin = storage.Kind == StorageKind.S3 && Uri.TryCreate(storage.S3.PublicEndpoint is { Length: > 0 } given ? given : storage.S3.Endpoint, UriKind.Absolute, out var url)
            ? " " + url.GetLeftPart(UriPartial.Authority)
            : "";
        return $"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{origin}; "
            + $"img-src 'self' blob: data:{origin}; media-src 'self' blob: data:{origin}; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    }

    private static void Guard(HttpResponse response, string policy)
    {
        response.Headers.ContentSecurityPolicy = policy;
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.CacheControl = "no-cache";
    }
}
