namespace I2V.Gateway.Database.Migrations;

/// <summary>Migrations are written in SQL and travel inside the assembly.</summary>
internal static class SqlScript
{
    public static string Read(string file)
    {
        using var stream = typeof(SqlScript).Assembly.GetManifestResourceStream(typeof(SqlScript), file)
            ?? throw new InvalidOperationException($"The migration script {file} is not embedded in the assembly.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
