namespace Polder.Cli.Output;

/// <summary>Looks at where a result shall go before the work begins: an hour's result must not be lost to a typing error.</summary>
internal static class OutputFile
{
    /// <exception cref="UserErrorException">The path is a folder, or its folder does not exist.</exception>
    public static void RequireFolder(string option, string path, string allowed = "a file in a folder that exists")
    {
        if (path.Length == 0 || Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
            throw UserErrorException.ForOption(option, path, allowed);
    }
}
