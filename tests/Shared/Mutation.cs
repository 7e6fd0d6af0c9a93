namespace Polder.Testing;

/// <summary>What can happen to a file. The first two leave everything else in its place.</summary>
internal enum MutationKind
{
    Flip, Overwrite, Insert, Delete, Truncate, Repeat, Extreme, Swap,
}

/// <summary>Damages files, for the tests of their readers.</summary>
internal static class Mutation
{
    /// <summary>A damaged copy.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="kind">What happens to it.</param>
    /// <param name="at">Where, from 0.</param>
    /// <param name="other">The second place, of a swap.</param>
    /// <param name="value">The new byte, or what makes a bit, a length or a number of it.</param>
    public static byte[] Of(byte[] bytes, MutationKind kind, int at, int other, byte value)
    {
        if (bytes.Length == 0)
            return [value];
        (at, other) = (Math.Min(at, bytes.Length - 1), Math.Min(other, bytes.Length - 1));
        int length = Math.Min(1 + (value % 32), bytes.Length - at);
        switch (kind)
        {
            case MutationKind.Flip:
                return Change(copy => copy[at] ^= (byte)(1 << (value % 8)));
            case MutationKind.Overwrite:
                return Change(copy => copy[at] = value);
            case MutationKind.Insert:
                return [.. bytes[..at], value, .. bytes[at..]];
            case MutationKind.Delete:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case MutationKind.Truncate:
                return bytes[..at];
            case MutationKind.Repeat:
                return [.. bytes[..at], .. bytes[at..(at + length)], .. bytes[at..]];
            case MutationKind.Extreme:
                // A number at the edge of its range, where a length or an offset may be.
                byte[] edge = (value % 4) switch
                {
                    0 => [0xff, 0xff, 0xff, 0x7f],
                    1 => [0xff, 0xff, 0xff, 0xff],
                    2 => [0, 0, 0, 0],
                    _ => [0, 0, 0, 0x80],
                };
                return Change(copy => edge.AsSpan(0, Math.Min(4, copy.Length - at)).CopyTo(copy.AsSpan(at)));
            default:
                return Change(copy => (copy[at], copy[other]) = (copy[other], copy[at]));
        }

        byte[] Change(Action<byte[]> change)
        {
            byte[] copy = [.. bytes];
            change(copy);
            return copy;
        }
    }
}
