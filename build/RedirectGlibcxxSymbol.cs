using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Writes copies of ELF libraries whose only need of GLIBCXX_3.4.32 is redirected to GLIBCXX_3.4 (see TorchSharpNative.targets).
/// Compiled by MSBuild at build time, in the C# that its inline tasks understand; it belongs to no project of the solution.
/// </summary>
public class RedirectGlibcxxSymbol : Microsoft.Build.Utilities.Task
{
    private const string NewVersion = "GLIBCXX_3.4.32";
    private const string OldVersion = "GLIBCXX_3.4";
    private const string NewSymbol = "_ZSt21ios_base_library_initv"; // std::ios_base_library_init()
    private const string OldSymbol = "_ZNSt8ios_base4InitC1Ev";      // std::ios_base::Init::Init(), shorter, so it fits in place

    /// <summary>The libraries that the build is about to copy.</summary>
    [Required]
    public ITaskItem[] Libraries { get; set; }

    /// <summary>Where the patched copies go.</summary>
    [Required]
    public string Folder { get; set; }

    /// <summary>auto or always.</summary>
    [Required]
    public string Mode { get; set; }

    /// <summary>The items to take out of the build.</summary>
    [Output]
    public ITaskItem[] Replaced { get; set; }

    /// <summary>The items to put in their place, with the same metadata.</summary>
    [Output]
    public ITaskItem[] Replacements { get; set; }

    /// <summary>Fills <see cref="Replaced"/> and <see cref="Replacements"/>.</summary>
    public override bool Execute()
    {
        var replaced = new List<ITaskItem>();
        var replacements = new List<ITaskItem>();
        if (Mode == "always" || (Mode == "auto" && SystemLacks(NewVersion)))
        {
            foreach (ITaskItem library in Libraries)
            {
                string copy = Path.Combine(Folder, Path.GetFileName(library.ItemSpec));
                if (!IsUpToDate(copy, library.ItemSpec) && !WritePatchedCopy(library.ItemSpec, copy))
                    continue;
                replaced.Add(library);
                replacements.Add(new TaskItem(copy, library.CloneCustomMetadata()));
            }
        }
        else if (Mode != "auto")
        {
            Log.LogError("PolderNativeFix is '{0}': auto, always or false are allowed.", Mode);
        }
        Replaced = replaced.ToArray();
        Replacements = replacements.ToArray();
        return !Log.HasLoggedErrors;
    }

    // The patch keeps the length, and the copy gets the source's time stamp, so the two tell a stale copy.
    private static bool IsUpToDate(string copy, string source)
    {
        var a = new FileInfo(copy);
        var b = new FileInfo(source);
        return a.Exists && a.Length == b.Length && a.LastWriteTimeUtc == b.LastWriteTimeUtc;
    }

    private bool WritePatchedCopy(string source, string copy)
    {
        byte[] image = File.ReadAllBytes(source);
        if (!Redirect(image))
        {
            Log.LogMessage(MessageImportance.Normal, "{0} does not need {1}: left as it is.", source, NewVersion);
            return false;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(copy));
        // Projects that build at the same time share nothing, but an interrupted build must not leave half a library.
        string partial = copy + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(partial, image);
        File.SetLastWriteTimeUtc(partial, File.GetLastWriteTimeUtc(source));
        if (File.Exists(copy))
            File.Delete(copy);
        File.Move(partial, copy);
        Log.LogMessage(MessageImportance.Normal, "{0}: {1} redirected to {2}.", copy, NewVersion, OldVersion);
        return true;
    }

    // A libstdc++ names every version that it defines in its string table.
    private static bool SystemLacks(string version)
    {
        byte[] name = Encoding.ASCII.GetBytes("\0" + version + "\0");
        string[] folders = { "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib" };
        foreach (string folder in folders)
        {
            string library = Path.Combine(folder, "libstdc++.so.6");
            if (File.Exists(library))
                return IndexOf(File.ReadAllBytes(library), name, 0) < 0;
        }
        return false; // an unknown system: leave the file alone
    }

    /// <summary>
    /// Two edits of an ELF64 image. In .gnu.version_r (the versions that the library needs of others) the entry of the new version
    /// takes over the hash and the name of the old one's; in .dynstr the name of the new symbol becomes the old symbol's.
    /// The layout is that of the ELF specification and of the Linux Standard Base's symbol versioning.
    /// </summary>
    private static bool Redirect(byte[] image)
    {
        const int sectionOffset = 24, sectionSize = 32, sectionInfo = 44;
        bool isElf64X64 = image.Length >= 64 && image[0] == 0x7f && image[1] == 'E' && image[2] == 'L' && image[3] == 'F'
            && image[4] == 2 && image[5] == 1 && BitConverter.ToUInt16(image, 18) == 62;
        if (!isElf64X64)
            return false;

        long dynstr = FindSection(image, ".dynstr"), versions = FindSection(image, ".gnu.version_r");
        if (dynstr < 0 || versions < 0)
            return false;
        long names = ReadLong(image, dynstr + sectionOffset), namesEnd = names + ReadLong(image, dynstr + sectionSize);

        // Verneed: u16 version, u16 count, u32 file, u32 first auxiliary, u32 next. Vernaux: u32 hash, u16 flags, u16 other, u32 name, u32 next.
        long newer = -1, older = -1, need = ReadLong(image, versions + sectionOffset);
        for (uint left = BitConverter.ToUInt32(image, (int)versions + sectionInfo); left > 0; left--)
        {
            long auxiliary = need + BitConverter.ToUInt32(image, (int)need + 8);
            for (int count = BitConverter.ToUInt16(image, (int)need + 2); count > 0; count--)
            {
                string version = ReadString(image, names + BitConverter.ToUInt32(image, (int)auxiliary + 8));
                if (version == NewVersion)
                    newer = auxiliary;
                else if (version == OldVersion)
                    older = auxiliary;
                auxiliary += BitConverter.ToUInt32(image, (int)auxiliary + 12);
            }
            need += BitConverter.ToUInt32(image, (int)need + 12);
        }
        int symbol = IndexOf(image, Encoding.ASCII.GetBytes("\0" + NewSymbol + "\0"), (int)names);
        if (newer < 0 || older < 0 || symbol < 0 || symbol >= namesEnd)
            return false;

        Array.Copy(image, older, image, newer, 4);
        Array.Copy(image, older + 8, image, newer + 8, 4);
        byte[] replacement = Encoding.ASCII.GetBytes(OldSymbol + "\0");
        Array.Copy(replacement, 0, image, symbol + 1, replacement.Length);
        return true;
    }

    private static long FindSection(byte[] image, string name)
    {
        long headers = ReadLong(image, 40);
        int size = BitConverter.ToUInt16(image, 58), count = BitConverter.ToUInt16(image, 60), strings = BitConverter.ToUInt16(image, 62);
        long names = ReadLong(image, headers + (long)strings * size + 24);
        for (int i = 0; i < count; i++)
        {
            long header = headers + (long)i * size;
            if (ReadString(image, names + BitConverter.ToUInt32(image, (int)header)) == name)
                return header;
        }
        return -1;
    }

    private static long ReadLong(byte[] image, long at)
    {
        return (long)BitConverter.ToUInt64(image, (int)at);
    }

    private static string ReadString(byte[] image, long at)
    {
        int end = Array.IndexOf(image, (byte)0, (int)at);
        return Encoding.ASCII.GetString(image, (int)at, end - (int)at);
    }

    private static int IndexOf(byte[] haystack, byte[] needle, int from)
    {
        for (int at = from; at <= haystack.Length - needle.Length; at++)
        {
            at = Array.IndexOf(haystack, needle[0], at, haystack.Length - needle.Length - at + 1);
            if (at < 0)
                return -1;
            int match = 1;
            while (match < needle.Length && haystack[at + match] == needle[match])
                match++;
            if (match == needle.Length)
                return at;
        }
        return -1;
    }
}
