using System.Buffers.Binary;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

namespace Polder.EndToEnd.Native;

/// <summary>The build's patch of the native library, on the smallest ELF image that has what it looks for.</summary>
public sealed class RedirectGlibcxxSymbolTests : IDisposable
{
    private const string NewSymbol = "_ZSt21ios_base_library_initv", OldSymbol = "_ZNSt8ios_base4InitC1Ev";
    private const uint NewHash = 0x11111111, OldHash = 0x22222222;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_new_version_and_symbol_become_the_old_ones_and_nothing_else_changes()
    {
        byte[] image = Image(NewSymbol, "GLIBCXX_3.4.32", out int newer, out int older, out int symbol);

        byte[] patched = Assert.IsType<byte[]>(Patch(image));

        Assert.Equal(image.Length, patched.Length);
        Assert.Equal(OldHash, BinaryPrimitives.ReadUInt32LittleEndian(patched.AsSpan(newer)));
        Assert.Equal(image.AsSpan(older + 8, 4), patched.AsSpan(newer + 8, 4));
        Assert.Equal(OldSymbol + "\0", Encoding.ASCII.GetString(patched, symbol, OldSymbol.Length + 1));
        // Outside the hash, the name and the symbol, every byte is as it was: the index by which symbols refer to the version too.
        int[] changed = [.. Enumerable.Range(0, image.Length).Where(i => image[i] != patched[i])];
        Assert.All(changed, i => Assert.True((i >= newer && i < newer + 4) || (i >= newer + 8 && i < newer + 12)
            || (i >= symbol && i <= symbol + OldSymbol.Length)));
    }

    [Fact]
    public void A_library_without_the_symbol_is_left_alone() => Assert.Null(Patch(Image("_ZSt4cout", "GLIBCXX_3.4.32", out _, out _, out _)));

    [Fact]
    public void A_library_without_the_version_is_left_alone() => Assert.Null(Patch(Image(NewSymbol, "GLIBCXX_3.4.29", out _, out _, out _)));

    [Fact]
    public void A_library_of_another_processor_is_left_alone()
    {
        byte[] image = Image(NewSymbol, "GLIBCXX_3.4.32", out _, out _, out _);
        image[18] = 183; // AArch64
        Assert.Null(Patch(image));
    }

    [Fact]
    public void What_is_no_library_is_left_alone() =>
        Assert.Null(Patch(Encoding.ASCII.GetBytes("not a library, only some text that is long enough to be one ...")));

    [Fact]
    public void A_second_build_takes_the_copy_as_it_is_and_a_changed_library_anew()
    {
        byte[] image = Image(NewSymbol, "GLIBCXX_3.4.32", out _, out _, out _);
        Patch(image);
        string copy = Path.Combine(_folder.FullName, "obj", "library.so"), source = Path.Combine(_folder.FullName, "library.so");
        File.WriteAllBytes(copy, new byte[image.Length]);
        File.SetLastWriteTimeUtc(copy, File.GetLastWriteTimeUtc(source));
        Assert.All(Run(source, "always").Copy!, b => Assert.Equal(0, b));

        File.SetLastWriteTimeUtc(source, File.GetLastWriteTimeUtc(source).AddSeconds(2));
        Assert.Equal((byte)0x7f, Run(source, "always").Copy![0]);
    }

    [Fact]
    public void An_unknown_mode_is_an_error() => Assert.False(Run(Path.Combine(_folder.FullName, "library.so"), "sometimes").Succeeded);

    private byte[]? Patch(byte[] image)
    {
        string source = Path.Combine(_folder.FullName, "library.so");
        File.WriteAllBytes(source, image);
        (bool succeeded, byte[]? copy) = Run(source, "always");
        Assert.True(succeeded);
        return copy;
    }

    private (bool Succeeded, byte[]? Copy) Run(string source, string mode)
    {
        var task = new RedirectGlibcxxSymbol { Libraries = [new TaskItem(source)], Folder = Path.Combine(_folder.FullName, "obj"), Mode = mode };
        bool succeeded = task.Execute();
        Assert.Equal(task.Replaced.Length, task.Replacements.Length);
        ITaskItem? copy = task.Replacements.SingleOrDefault();
        return (succeeded, copy is null ? null : File.ReadAllBytes(copy.ItemSpec));
    }

    /// <summary>An ELF64 image with the sections .dynstr, .gnu.version_r and .shstrtab; one library is needed in two versions.</summary>
    private static byte[] Image(string symbolName, string newVersion, out int newer, out int older, out int symbol)
    {
        (byte[] names, int[] at) = Strings(symbolName, "libstdc++.so.6", "GLIBCXX_3.4", newVersion);
        (byte[] sections, int[] sectionAt) = Strings(".dynstr", ".gnu.version_r", ".shstrtab");
        int dynstr = 64, versions = dynstr + names.Length, shstrtab = versions + 48, headers = shstrtab + sections.Length;
        byte[] image = new byte[headers + (4 * 64)];

        new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(image, 0);
        Put16(image, 18, 62);
        Put64(image, 40, headers);
        Put16(image, 58, 64);
        Put16(image, 60, 4);
        Put16(image, 62, 3);

        names.CopyTo(image, dynstr);
        Put16(image, versions, 1);
        Put16(image, versions + 2, 2);
        Put32(image, versions + 4, (uint)at[1]);
        Put32(image, versions + 8, 16);
        newer = versions + 16;
        older = newer + 16;
        Auxiliary(image, newer, NewHash, 5, (uint)at[3], 16);
        Auxiliary(image, older, OldHash, 4, (uint)at[2], 0);
        sections.CopyTo(image, shstrtab);

        Section(image, headers + 64, (uint)sectionAt[0], dynstr, names.Length, 0);
        Section(image, headers + 128, (uint)sectionAt[1], versions, 48, 1);
        Section(image, headers + 192, (uint)sectionAt[2], shstrtab, sections.Length, 0);
        symbol = dynstr + at[0];
        return image;
    }

    private static (byte[] Table, int[] Offsets) Strings(params string[] names)
    {
        var table = new StringBuilder("\0");
        int[] offsets = new int[names.Length];
        for (int i = 0; i < names.Length; i++)
        {
            offsets[i] = table.Length;
            table.Append(names[i]).Append('\0');
        }
        return (Encoding.ASCII.GetBytes(table.ToString()), offsets);
    }

    private static void Auxiliary(byte[] image, int at, uint hash, ushort index, uint name, uint next)
    {
        Put32(image, at, hash);
        Put16(image, at + 6, index);
        Put32(image, at + 8, name);
        Put32(image, at + 12, next);
    }

    private static void Section(byte[] image, int at, uint name, int offset, int size, uint info)
    {
        Put32(image, at, name);
        Put64(image, at + 24, offset);
        Put64(image, at + 32, size);
        Put32(image, at + 44, info);
    }

    private static void Put16(byte[] image, int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(at), value);

    private static void Put32(byte[] image, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(at), value);

    private static void Put64(byte[] image, int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(image.AsSpan(at), value);
}
