namespace Polder.Noise;

/// <summary>Given numbers as the noise, to replay a run exactly: values[step, draw, element].</summary>
public sealed class FixedNoise : NoiseStream
{
    private readonly double[,,] _values;

    /// <summary>Makes a stream of given unit values, which a method multiplies by its sigma.</summary>
    /// <param name="values">
    /// values[step, draw, element]; the element runs through the trainable parameters in the base optimizer's order, each row-major, without
    /// padding, and there are exactly as many as they have.
    /// </param>
    public FixedNoise(double[,,] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        _values = (double[,,])values.Clone();
    }

    /// <inheritdoc/>
    public override long? Elements => _values.GetLength(2);

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The array holds no such step, draw or element.</exception>
    public override void Fill(long step, int draw, long offset, Span<float> destination)
    {
        Check(step, draw, offset, destination.Length);
        for (int i = 0; i < destination.Length; i++)
            destination[i] = (float)_values[step, draw, offset + i];
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The array holds no such step, draw or element.</exception>
    public override void Fill(long step, int draw, long offset, Span<double> destination)
    {
        Check(step, draw, offset, destination.Length);
        for (int i = 0; i < destination.Length; i++)
            destination[i] = _values[step, draw, offset + i];
    }

    private void Check(long step, int draw, long offset, int length)
    {
        Require.That(step >= 0 && step < _values.GetLength(0), step, $"at least 0 and below the {_values.GetLength(0)} steps of the fixed noise");
        Require.That(draw >= 0 && draw < _values.GetLength(1), draw, $"at least 0 and below the {_values.GetLength(1)} draws a step of the fixed noise");
        Require.That(offset >= 0 && offset + length <= _values.GetLength(2), offset, $"within the {_values.GetLength(2)} elements of the fixed noise");
    }
}
