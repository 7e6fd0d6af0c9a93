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
        Require(step, draw, offset, destination.Length);
        for (int i = 0; i < destination.Length; i++)
            destination[i] = (float)_values[step, draw, offset + i];
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The array holds no such step, draw or element.</exception>
    public override void Fill(long step, int draw, long offset, Span<double> destination)
    {
        Require(step, draw, offset, destination.Length);
        for (int i = 0; i < destination.Length; i++)
            destination[i] = _values[step, draw, offset + i];
    }

    private void Require(long step, int draw, long offset, int length)
    {
        if (step < 0 || step >= _values.GetLength(0))
            throw new ArgumentOutOfRangeException(nameof(step), step, $"the fixed noise has {_values.GetLength(0)} steps");
        if (draw < 0 || draw >= _values.GetLength(1))
            throw new ArgumentOutOfRangeException(nameof(draw), draw, $"the fixed noise has {_values.GetLength(1)} draws a step");
        if (offset < 0 || offset + length > _values.GetLength(2))
            throw new ArgumentOutOfRangeException(nameof(offset), offset + length, $"the fixed noise has {_values.GetLength(2)} elements a draw");
    }
}
