using System.Text;
using Polder.Cli.Hosting;

namespace Polder.Cli.Output;

/// <summary>Writes a file that is either whole or not there: under a passing name first, then renamed.</summary>
internal static class AtomicFile
{
    /// <exception cref="UserErrorException">The file cannot be written; the message names it.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <exception cref="UserErrorException">The file cannot be written; the message names it.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string? partial = null;
        try
        {
            string full = Path.GetFullPath(path);
            string name = $".{Path.GetFileName(full)}.{Guid.NewGuid():N}";
            partial = Path.Combine(Path.GetDirectoryName(full) ?? "", name);
            using (var stream = new FileStream(partial, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, full, overwrite: true);
            partial = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be written: {e.Message}", e);
        }
        finally
        {
            if (partial is not null)
                TryDelete(partial);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first error is the one to report.
        }
    }
}
