using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace I2V.Gateway.Storage;

internal static class StorageExtensions
{
    /// <summary>Adds the <see cref="IObjectStore"/> that the section <c>Storage</c> asks for.</summary>
    public static IHostApplicationBuilder AddI2VStorage(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<StorageOptions>()
            .Bind(builder.Configuration.GetSection(StorageOptions.Section))
            .ValidateDataAnnotations()
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<StorageOptions>, StorageOptionsCrossCheck>();

        services.AddHttpContextAccessor();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<PublicUrl>();
        services.AddSingleton<FolderLinks>();
        services.AddSingleton<IObjectStore>(provider => provider.GetRequiredService<IOptions<StorageOptions>>().Value.Kind == StorageKind.S3
            ? ActivatorUtilities.CreateInstance<S3ObjectStore>(provider)
            : ActivatorUtilities.CreateInstance<FolderObjectStore>(provider));
        services.AddHostedService<PrepareStorage>();
        return builder;
    }
}
