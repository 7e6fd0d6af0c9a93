using System.Text;

namespace Polder.Vision.Data.Files;

/// <summary>A text file, read whole or refused with its line: a byte that is no text becomes no other letter.</summary>
internal static class TextTable
{
    private static readonly (byte[] Mark, Encoding Encoding)[] Marked =
    [
        ([0xEF, 0xBB, 0xBF], new UTF8Encoding(false, throwOnInvalidBytes: true)),
        ([0xFF, 0xFE], new UnicodeEncoding(bigEndian: false, byteOrderMark: false, throwOnInvalidBytes: true)),
        ([0xFE, 0xFF], new UnicodeEncoding(bigEndian: true, byteOrderMark: false, throwOnInvalidBytes: true)),
    ];

    /// <summary>The text: UTF-8, or UTF-16 where a byte order mark says so.</summary>
    /// <exception cref="DataException">The file cannot be read, or is of another encoding.</exception>
    public static string ReadText(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException(path, $"cannot be read ({e.Message})", e);
        }
        (byte[] mark, Encoding encoding) = Array.Find(Marked, m => bytes.AsSpan().StartsWith(m.Mark));
        try
        {
            string text = (encoding ?? Marked[0].Encoding).GetString(bytes.AsSpan(mark?.Length ?? 0));
            return text.Contains('\0', StringComparison.Ordinal) ? throw new DataException(path, "is no text in UTF-8; save it as UTF-8") : text;
        }
        catch (DecoderFallbackException e)
        {
            int at = Math.Clamp(e.Index + (mark?.Length ?? 0), 0, bytes.Length - 1), line = 1 + bytes.AsSpan(0, at).Count((byte)'\n');
            throw new DataException(path, $"line {line} is not UTF-8 (byte 0x{bytes[at]:X2}); save the file as UTF-8", e);
        }
    }

    /// <summary>
    /// The records of a table (RFC 4180): a field in double quotes may hold separators, line ends and doubled quotes; blank lines are passed over.
    /// </summary>
    /// <returns>Each record with the number of the line that it begins in, and its fields; null where a quote is not closed or stands within a field.</returns>
    public static IEnumerable<(int Line, List<string>? Fields)> Records(string text, char separator)
    {
        for (int at = 0, line = 1; at < text.Length;)
        {
            int first = line;
            List<string>? fields = [];
            bool quoted = false;
            while (true)
            {
                int end = at;
                // White space before a quote is no part of the field, as it is none before a plain one.
                while (end < text.Length && text[end] is ' ' or '\t' && text[end] != separator)
                    end++;
                if (end < text.Length && text[end] == '"')
                {
                    quoted = true;
                    var field = new StringBuilder();
                    for (at = end + 1; at < text.Length && (text[at] != '"' || (at + 1 < text.Length && text[at + 1] == '"')); at++)
                    {
                        at += text[at] == '"' ? 1 : 0;
                        line += text[at] == '\n' ? 1 : 0;
                        field.Append(text[at]);
                    }
                    at++;
                    int rest = FieldEnd(text, Math.Min(at, text.Length), separator);
                    if (at > text.Length || !string.IsNullOrWhiteSpace(text[at..rest]))
                        fields = null;
                    fields?.Add(field.ToString());
                    at = rest;
                }
                else
                {
                    end = FieldEnd(text, at, separator);
                    fields?.Add(text[at..end].Trim());
                    at = end;
                }
                if (at >= text.Length || text[at] != separator)
                    break;
                at++;
            }
            at += at + 1 < text.Length && text[at] == '\r' && text[at + 1] == '\n' ? 2 : 1;
            line++;
            if (quoted || fields is null || fields.Exists(f => f.Length > 0))
                yield return (first, fields);
        }
    }

    private static int FieldEnd(string text, int at, char separator) =>
        text.AsSpan(at).IndexOfAny(separator, '\r', '\n') is var length and >= 0 ? at + length : text.Length;
}
