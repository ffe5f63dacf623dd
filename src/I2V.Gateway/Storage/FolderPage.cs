namespace I2V.Gateway.Storage;

/// <summary>
/// Walks a folder store in an order that never changes: by segments of keys, each in ordinal order. So a walk can go on after any
/// key, whether or not that object is still there.
/// </summary>
internal static class FolderPage
{
    /// <param name="root">The store's folder.</param>
    /// <param name="after">The key after which it goes on; empty for the beginning.</param>
    /// <returns>Keys, lazily.</returns>
    public static IEnumerable<string> Walk(string root, string after) =>
        Walk(new DirectoryInfo(root), prefix: "", after.Length == 0 ? [] : after.Split('/'));

    private static IEnumerable<string> Walk(DirectoryInfo folder, string prefix, string[] after)
    {
        foreach (var entry in Entries(folder))
        {
            var order = after.Length == 0 ? 1 : string.CompareOrdinal(entry.Name, after[0]);
            if (order < 0)
            {
                continue;
            }

            var key = prefix + entry.Name;
            if (entry is DirectoryInfo inner)
            {
                foreach (var found in Walk(inner, key + "/", order == 0 ? after[1..] : []))
                {
                    yield return found;
                }
            }
            else if (order > 0)
            {
                yield return key;
            }
        }
    }

    /// <summary>Names that no key has, such as that of the folder for unfinished files, are passed over.</summary>
    private static IEnumerable<FileSystemInfo> Entries(DirectoryInfo folder)
    {
        try
        {
            var plain = new EnumerationOptions { AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = false };
            return folder.GetFileSystemInfos("*", plain)
                .Where(entry => ObjectKey.IsValid(entry.Name))
                .OrderBy(entry => entry.Name, StringComparer.Ordinal);
        }
        catch (DirectoryNotFoundException)
        {
            // It became empty and was removed meanwhile.
            return [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw StorageException.Unavailable("the folder cannot be read", error);
        }
    }
}
