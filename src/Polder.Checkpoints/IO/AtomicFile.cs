using System.Text;

namespace Polder.Checkpoints.IO;

/// <summary>Writes a file so that its name never stands for half a file.</summary>
public static class AtomicFile
{
    /// <summary>Writes text as UTF-8, as <see cref="Write"/> does.</summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="text">The content.</param>
    /// <exception cref="CheckpointException">The file cannot be written (no such folder, no permission, disk full).</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>
    /// Writes to a temporary file in the same folder, flushes it to the disk, and renames it over <paramref name="path"/>. Whatever happens before
    /// the rename (an exception, a full disk, a killed process), the file that was there before stays whole. The temporary name is the same each
    /// time, so what a killed process left behind is overwritten by the next save instead of piling up.
    /// </summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="write">Writes the content. The stream can seek.</param>
    /// <exception cref="CheckpointException">The file cannot be written (no such folder, no permission, disk full).</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);
        string temporary = Path.Combine(Path.GetDirectoryName(full) ?? ".", $".{Path.GetFileName(full)}.tmp");
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
                File.Move(temporary, full, overwrite: true);
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
