using System.Runtime.InteropServices;

namespace Polder.Experiments.Theory;

/// <summary>
/// A mini-batch of <see cref="TwoValleys"/>: f(w) + s xi . w, whose gradient has the noise s xi, the same for all gradients of a step. The parameter is (x, y).
/// </summary>
/// <param name="gradientNoise">s.</param>
/// <param name="batches">Normal numbers.</param>
/// <param name="number">Which mini-batch of a step, from 0.</param>
internal sealed class ValleyObjective(double gradientNoise, NoiseStream batches, int number = 0) : IObjective
{
    private readonly double[] _batch = new double[2];

    /// <summary>Goes on to the mini-batch of a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="run">The run: its batches are its own.</param>
    public void Take(long step, int run) => batches.Fill(step, run, number * _batch.Length, _batch);

    public double Accumulate(ParameterSpace space, ParameterVector gradient, double weight)
    {
        ReadOnlySpan<double> w = MemoryMarshal.Cast<byte, double>(space.Parameters[0].bytes);
        Span<double> sum = MemoryMarshal.Cast<byte, double>(gradient.Blocks[0].bytes);
        (double x, double y) = TwoValleys.Gradient(w[0], w[1]);
        sum[0] += weight * (x + (gradientNoise * _batch[0]));
        sum[1] += weight * (y + (gradientNoise * _batch[1]));
        space.MarkReceivedGradient();
        return TwoValleys.Value(w[0], w[1]) + (gradientNoise * ((_batch[0] * w[0]) + (_batch[1] * w[1])));
    }
}
