using System.CommandLine;
using I2V.Cli.Configuration;
using I2V.Cli.Doctor;
using I2V.Cli.Fleet;
using I2V.Cli.Jobs;
using I2V.Cli.Models;
using I2V.Cli.Render;
using I2V.Cli.Testing;
using I2V.Cli.Up;

var root = new RootCommand("Send an image, get a video: a job queue with GPU workers.")
{
    UpCommand.Create(),
    DownCommand.Create(),
    SubmitCommand.Create(),
    EstimateCommand.Create(),
    WatchCommand.Create(),
    JobsCommand.Create(),
    CancelCommand.Create(),
    QueuesCommand.Create(),
    WorkersCommand.Create(),
    RenderCommand.Create(),
    ModelsCommand.Create(),
    DoctorCommand.Create(),
    TestCommand.Create(),
};

return await CommandRunner.RunAsync(root, args);
