using System.Runtime.InteropServices;

namespace I2V.Inference.Native;

/// <summary>The environment that native libraries read. On Linux the managed one is a copy: what is set there reaches only child processes.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable for the native libraries of this process. Before the library that reads it is initialised.</summary>
    /// <param name="overwrite">False to leave a value that the user has set.</param>
    public static void Set(string name, string value, bool overwrite)
    {
        if (OperatingSystem.IsWindows())
        {
            if (overwrite || Environment.GetEnvironmentVariable(name) is null)
            {
                Environment.SetEnvironmentVariable(name, value);
            }
        }
        else
        {
            _ = SetEnvironment(name, value, overwrite ? 1 : 0);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
