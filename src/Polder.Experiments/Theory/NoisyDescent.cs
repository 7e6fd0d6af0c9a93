namespace Polder.Experiments.Theory;

/// <summary>Whether the k pairs of a step see one mini-batch, as the library and the paper have it, or each its own.</summary>
public enum PairBatches
{
    /// <summary>All pairs see the same batch: v = s^2 + C^2 H / k.</summary>
    Shared,

    /// <summary>Each pair sees a batch of its own: v = (s^2 + C^2 H) / k.</summary>
    Fresh,
}

/// <summary>
/// Many runs of NSO with plain steps on a <see cref="CosineWell"/> of two dimensions, side by side in one vector: the sum of their functions has every run's
/// own
/// gradient in its place, so that a step of <see cref="NoiseStability"/> on that sum is a step of each run (a test holds the two to the same numbers). A
/// mini-batch is f + s / sqrt 2 xi . w with normal xi, whose gradient has variance s^2.
/// </summary>
internal sealed class NoisyDescent
{
    public const int Dimension = 2;

    private readonly double _sigma, _gradientNoise;
    private readonly int _pairs;
    private readonly PairBatches _batches;
    private readonly NoiseStream _perturbations, _batchNoise;
    private readonly double[] _unit, _gradient, _slopes;

    public NoisyDescent(int repeats, double sigma, double gradientNoise, int pairs, PairBatches batches, NoiseStream perturbations, NoiseStream batchNoise)
    {
        (_sigma, _gradientNoise, _pairs, _batches, _perturbations, _batchNoise) = (sigma, gradientNoise, pairs, batches, perturbations, batchNoise);
        Weights = new double[repeats * Dimension];
        Weights.AsSpan().Fill(CosineWell.Start(1.0 / Dimension, sigma));
        (_unit, _gradient, _slopes) = (new double[Weights.Length], new double[Weights.Length], new double[Weights.Length]);
    }

    /// <summary>The runs' weights, run by run.</summary>
    public double[] Weights { get; }

    /// <summary>The bound of v that is proved.</summary>
    public double Variance
    {
        get
        {
            double batch = _gradientNoise * _gradientNoise, perturbation = CosineWell.Smoothness * CosineWell.Smoothness * _sigma * _sigma * Dimension;
            return _batches == PairBatches.Fresh ? (batch + perturbation) / _pairs : batch + (perturbation / _pairs);
        }
    }

    /// <summary>(1/T) sum over the steps of |grad F(W_t)|^2, a number a run; grad F is known and has no noise.</summary>
    /// <param name="steps">T.</param>
    /// <param name="stepSize">eta.</param>
    /// <param name="cancellation">Stops.</param>
    public double[] Run(int steps, double stepSize, CancellationToken cancellation)
    {
        double[] sums = new double[Weights.Length];
        for (int t = 0; t < steps; t++)
        {
            if (t % 64 == 0)
                cancellation.ThrowIfCancellationRequested();
            CosineWell.Slopes(Weights, _sigma, _slopes);
            for (int i = 0; i < sums.Length; i++)
                sums[i] += _slopes[i] * _slopes[i];
            Step(t, stepSize);
        }
        return [.. sums.Chunk(Dimension).Select(run => run.Sum() / steps)];
    }

    /// <summary>One step of all runs.</summary>
    /// <param name="step">Its number, from 0: the noise is a function of it.</param>
    /// <param name="stepSize">eta.</param>
    public void Step(int step, double stepSize)
    {
        Array.Clear(_gradient);
        for (int pair = 0; pair < _pairs; pair++)
        {
            _perturbations.Fill(step, pair, 0, _unit);
            CosineWell.AddGradient(Weights, _unit, _sigma, 0.5 / _pairs, _gradient);
            CosineWell.AddGradient(Weights, _unit, -_sigma, 0.5 / _pairs, _gradient);
        }
        int draws = _batches == PairBatches.Fresh ? _pairs : 1;
        for (int draw = 0; _gradientNoise > 0 && draw < draws; draw++)
        {
            _batchNoise.Fill(step, draw, 0, _unit);
            double factor = _gradientNoise / Math.Sqrt(Dimension) / draws;
            for (int i = 0; i < _gradient.Length; i++)
                _gradient[i] += factor * _unit[i];
        }
        for (int i = 0; i < _gradient.Length; i++)
            Weights[i] -= stepSize * _gradient[i];
    }
}
