namespace Polder.Checkpoints.IO;

/// <summary>The checksum of zip archives (polynomial 0xEDB88320), eight bytes at a time.</summary>
internal static class Crc32
{
    private static readonly uint[][] Tables = MakeTables();

    /// <summary>The checksum of what came before (0 at the start) and <paramref name="bytes"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint[][] t = Tables;
        crc = ~crc;
        while (bytes.Length >= 8)
        {
            uint low = crc ^ BitConverter.ToUInt32(bytes);
            uint high = BitConverter.ToUInt32(bytes[4..]);
            crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^ t[4][low >> 24]
                ^ t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff] ^ t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
            bytes = bytes[8..];
        }
        foreach (byte value in bytes)
            crc = t[0][(crc ^ value) & 0xff] ^ (crc >> 8);
        return ~crc;
    }

    // Table k advances a byte that is followed by k further bytes.
    private static uint[][] MakeTables()
    {
        uint[][] tables = new uint[8][];
        for (int k = 0; k < tables.Length; k++)
        {
            tables[k] = new uint[256];
            for (uint i = 0; i < 256; i++)
            {
                uint crc = k == 0 ? i : tables[k - 1][i];
                if (k == 0)
                    for (int bit = 0; bit < 8; bit++)
                        crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
                else
                    crc = tables[0][crc & 0xff] ^ (crc >> 8);
                tables[k][i] = crc;
            }
        }
        return tables;
    }
}
