namespace Polder.Cli.Hosting;

/// <summary>Makes run folders: what an earlier run wrote is never overwritten.</summary>
internal static class RunFolder
{
    /// <summary>A folder of the user's choice, which must not exist or be empty.</summary>
    /// <exception cref="UserErrorException">It holds something, or cannot be made.</exception>
    public static string Create(string folder)
    {
        if (File.Exists(folder))
            throw UserErrorException.ForOption("--out", $"the file {folder}", "a folder that does not exist or is empty");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw UserErrorException.ForOption("--out", $"{folder}, which is not empty", "a folder that does not exist or is empty");
        return Make(folder);
    }

    /// <summary>The folder <c>ROOT/COMMAND-N</c> with the number after the largest one there.</summary>
    /// <exception cref="UserErrorException">It cannot be made.</exception>
    public static string CreateNext(string root, string command)
    {
        Make(root);
        string prefix = command + "-";
        int number = 1 + Directory.EnumerateFileSystemEntries(root, prefix + "*")
            .Select(entry => int.TryParse(Path.GetFileName(entry)[prefix.Length..], out int n) ? n : 0)
            .Append(0).Max();
        for (; ; number++)
        {
            string folder = Path.Combine(root, prefix + number);
            // Two programs may start at the same moment, and making a folder succeeds when it is there already: a file that only one
            // of them can create decides whose number it is.
            try
            {
                using var claim = new FileStream(Path.Combine(root, $".{prefix}{number}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
                if (!Directory.Exists(folder))
                    return Make(folder);
            }
            catch (IOException) when (File.Exists(Path.Combine(root, $".{prefix}{number}")) || Directory.Exists(folder))
            {
                // The number is the other program's.
            }
        }
    }

    private static string Make(string folder)
    {
        try
        {
            return Directory.CreateDirectory(folder).FullName is var full && Path.IsPathRooted(folder) ? full : folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: cannot be made: {e.Message}", e);
        }
    }
}
