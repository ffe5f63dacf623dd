using I2V.Protocol;
using I2V.Worker;
using I2V.Worker.Devices;
using I2V.Worker.Fitting;
using I2V.Worker.Gateway;
using I2V.Worker.Models;
using I2V.Worker.Registration;
using I2V.Worker.RenderJob;
using Microsoft.Extensions.Hosting;

var builder = Host.CreateApplicationBuilder(args);

builder.AddI2VLogging();
builder.AddWorkerOptions();
builder.AddDevice();
builder.AddGatewayClient();
builder.AddFitting();
builder.AddModels();
builder.AddRegistration();
builder.AddRenderJob();
builder.AddWatchdog();

return await builder.RunToExitCodeAsync();
