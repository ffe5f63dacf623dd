using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace I2V.Worker.Fitting;

internal static class FittingExtensions
{
    public static void AddFitting(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ProfileStore>();
        builder.Services.AddSingleton<Fitter>();
    }
}
