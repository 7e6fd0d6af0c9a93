namespace Polder.Machine;

/// <summary>
/// Numbers as libtorch takes them, that live as long as the call they are made for: <c>tensor.mul(Number(0.5))</c>.
/// </summary>
/// <remarks>
/// TorchSharp hands libtorch the address of a <see cref="Scalar"/> and keeps nothing alive meanwhile. One that nobody else holds may be collected and freed
/// under the call, which ends the process ("Expected false to be true ... Scalar.h"); a busy machine showed it within minutes. Here the last ones of each
/// thread are held, and the oldest is given back when another takes its place.
/// </remarks>
public static class Numbers
{
    // More than an expression has. Whoever keeps a number longer makes one of his own, and disposes of it.
    private const int Held = 256;

    [ThreadStatic]
    private static Scalar?[]? _held;

    [ThreadStatic]
    private static int _next;

    /// <summary>A number for the call at hand; not to be kept, nor disposed of.</summary>
    /// <param name="value">The number.</param>
    public static Scalar Number(double value) => Hold(value.ToScalar());

    /// <inheritdoc cref="Number(double)"/>
    public static Scalar Number(float value) => Hold(value.ToScalar());

    /// <inheritdoc cref="Number(double)"/>
    public static Scalar Number(long value) => Hold(value.ToScalar());

    /// <inheritdoc cref="Number(double)"/>
    public static Scalar Number(int value) => Hold(value.ToScalar());

    private static Scalar Hold(Scalar number)
    {
        Scalar?[] held = _held ??= new Scalar?[Held];
        ref Scalar? place = ref held[(uint)_next++ % Held];
        place?.Dispose();
        return place = number;
    }
}
