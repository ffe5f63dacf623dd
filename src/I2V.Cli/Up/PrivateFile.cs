namespace I2V.Cli.Up;

/// <summary>Files with secrets: readable by their owner from the first byte on, and replaced in one step.</summary>
internal static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static async Task WriteAsync(string path, string content, CancellationToken ct)
    {
        var fresh = path + ".new";
        File.Delete(fresh);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        await using (var writer = new StreamWriter(fresh, options))
        {
            await writer.WriteAsync(content.AsMemory(), ct);
        }

        File.Move(fresh, path, overwrite: true);
    }
}
