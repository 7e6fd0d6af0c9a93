using System.Text;

namespace Polder.Checkpoints.IO;

/// <summary>Writes a file so that its name never stands for half a file.</summary>
public static class AtomicFile
{
    /// <summary>Writes text as UTF-8, as <see cref="Write"/> does.</summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="text">The content.</param>
    /// <exception cref="CheckpointException">The file cannot be written (no such folder, no permission, disk full).</exception>
    public static void WriteText(string path, string text) => Write(path, TextWriter(text));

    /// <summary>
    /// Writes to a temporary file in the same folder, flushes it to the disk, and renames it over <paramref name="path"/>. Whatever happens before
    /// the rename (an exception, a full disk, a killed process), the file that was there before stays whole. The temporary name is the same each
    /// time, so what a killed process left behind is overwritten by the next save instead of piling up.
    /// </summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="write">Writes the content. The stream can seek.</param>
    /// <exception cref="CheckpointException">The file cannot be written (no such folder, no permission, disk full).</exception>
    public static void Write(string path, Action<Stream> write) => Make(path, ".tmp", write, Replace);

    /// <summary>
    /// Writes text as <see cref="WriteText"/> does where several processes may write the same file at the same time: each has a temporary file of
    /// its own, and what was written last stays.
    /// </summary>
    /// <inheritdoc cref="WriteText"/>
    public static void WriteSharedText(string path, string text) => WriteShared(path, TextWriter(text));

    /// <summary>
    /// Writes as <see cref="Write"/> does where several processes may write the same file at the same time: each has a temporary file of its own, and
    /// what was written last stays.
    /// </summary>
    /// <inheritdoc cref="Write"/>
    public static void WriteShared(string path, Action<Stream> write) => Make(path, OwnEnding(), write, Replace);

    /// <summary>
    /// Makes a file that does not exist yet: of several processes, on other machines too, one makes it, and it appears with all its content.
    /// It needs no lock: the content gets its name by a hard link, which fails where the name is taken (also on NFS). Where the file system has no
    /// hard links, two that do it within the same moment may both be told that they made it, and the content of one of them stays.
    /// </summary>
    /// <param name="path">The file to create; its folder must exist.</param>
    /// <param name="text">The content, as UTF-8.</param>
    /// <returns>Whether this call made it; false where the file exists.</returns>
    /// <exception cref="CheckpointException">The file cannot be written (no such folder, no permission, disk full).</exception>
    public static bool TryCreateText(string path, string text) => Make(path, OwnEnding(), TextWriter(text), (temporary, full) =>
    {
        bool made = HardLink.Create(temporary, full) switch
        {
            LinkResult.Made => true,
            // A network file system may have made the link and lost the answer: then the content is ours.
            LinkResult.Taken => Holds(full, text),
            _ => Moved(temporary, full),
        };
        File.Delete(temporary);
        return made;
    });

    private static bool Replace(string temporary, string full)
    {
        File.Move(temporary, full, overwrite: true);
        return true;
    }

    // Looks and then renames, which is two operations: for file systems that have nothing better.
    private static bool Moved(string temporary, string full)
    {
        try
        {
            File.Move(temporary, full, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(full))
        {
            return false;
        }
    }

    private static bool Holds(string file, string text)
    {
        try
        {
            using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            return reader.ReadToEnd() == text;
        }
        catch (IOException)
        {
            return false; // taken away again by whoever made it
        }
    }

    private static string OwnEnding() => $".{Path.GetRandomFileName()}.tmp";

    private static Action<Stream> TextWriter(string text) => stream => stream.Write(Encoding.UTF8.GetBytes(text));

    private static bool Make(string path, string ending, Action<Stream> write, Func<string, string, bool> name)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);
        string temporary = Path.Combine(Path.GetDirectoryName(full) ?? ".", $".{Path.GetFileName(full)}{ending}");
        if (!Directory.Exists(Path.GetDirectoryName(full)))
            throw new CheckpointException(path, $"cannot be written: there is no folder {Path.GetDirectoryName(path)}");
        try
        {
            FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);
            try
            {
                using (stream)
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }
                return name(temporary, full);
            }
            catch
            {
                // Only the one who created it may take it away: a second writer that failed to open it must not.
                File.Delete(temporary);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be written: {e.Message}", e);
        }
    }
}
