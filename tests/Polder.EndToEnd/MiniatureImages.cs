namespace Polder.EndToEnd;

/// <summary>A folder a class of tiny bitmaps: a class is a shade, with noise from a seeded generator.</summary>
internal static class MiniatureImages
{
    private const int Side = 32;

    public static string Write(string folder, int classes, int perClass)
    {
        var random = new Random(classes);
        for (int c = 0; c < classes; c++)
        {
            string name = Path.Combine(folder, $"class{c}");
            Directory.CreateDirectory(name);
            for (int i = 0; i < perClass; i++)
                File.WriteAllBytes(Path.Combine(name, $"{i:00}.bmp"), Bitmap(() => (byte)(c * 200 / classes + random.Next(40))));
        }
        return folder;
    }

    /// <summary>A 24-bit bitmap: the one format of images that takes no compressor to write.</summary>
    public static byte[] Bitmap(Func<byte> value)
    {
        const int Header = 54, Pixels = Side * Side * 3;
        byte[] file = new byte[Header + Pixels];
        (file[0], file[1]) = ((byte)'B', (byte)'M');
        void Int(int offset, int number) => BitConverter.GetBytes(number).CopyTo(file, offset);
        Int(2, file.Length);
        Int(10, Header);
        Int(14, 40);
        Int(18, Side);
        Int(22, Side);
        Int(26, 1 + (24 << 16));
        Int(34, Pixels);
        for (int i = Header; i < file.Length; i++)
            file[i] = value();
        return file;
    }
}
