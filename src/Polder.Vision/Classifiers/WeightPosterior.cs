using System.Runtime.InteropServices;

namespace Polder.Vision.Classifiers;

/// <summary>
/// A normal distribution of a trained network's weights around what they are, as ivon and bsam leave it: networks drawn from it disagree where the data left
/// the
/// weights open, and the mean of their probabilities is less sure of itself than the one network is.
/// </summary>
public sealed class WeightPosterior : IDisposable
{
    private readonly ImageClassifier _network;
    private readonly List<(Parameter Weight, Tensor Deviation, long Offset)> _parts = [];
    private readonly PhiloxNoise _noise;

    private WeightPosterior(ImageClassifier network, long seed) => (_network, _noise) = (network, new PhiloxNoise(seed));

    /// <summary>Opens the posterior of a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="network">The run's network, which stays the caller's.</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <exception cref="DataException">The run's method keeps no posterior, or it is of another network.</exception>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public static WeightPosterior Open(RunFolder run, ImageClassifier network, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(network);
        if (!File.Exists(run.Posterior))
            throw new DataException(run.Path, $"has no {Path.GetFileName(run.Posterior)}: only runs of ivon and bsam keep a posterior over the weights");
        using Checkpoint checkpoint = Checkpoint.Load(run.Posterior);
        var posterior = new WeightPosterior(network, seed);
        var weights = network.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        long offset = 0;
        foreach ((string name, Tensor deviation) in checkpoint.Tensors.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            if (!weights.TryGetValue(name, out Parameter? weight) || !weight.shape.SequenceEqual(deviation.shape))
            {
                posterior.Dispose();
                throw new DataException(run.Posterior, $"does not belong to the network: {name} has no place in it, or another shape");
            }
            posterior._parts.Add((weight, deviation.to(weight.dtype, copy: true).DetachFromDisposeScope(), offset));
            offset += weight.numel();
        }
        return posterior;
    }

    /// <summary>Puts the network's weights at a draw until the result is disposed of, which puts them back bit for bit.</summary>
    /// <param name="draw">The number of the draw, from 0.</param>
    internal IDisposable At(int draw) => new Moved(this, draw);

    /// <summary>The network's class probabilities, averaged over draws.</summary>
    /// <param name="images">The images of the set, of the network's size.</param>
    /// <param name="samples">The number of draws, at least 1.</param>
    /// <param name="done">Told the draws done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>One row an image, in the set's order.</returns>
    /// <exception cref="InvalidOperationException">Another thread uses the model.</exception>
    public double[][] MeanProbabilities(Loader images, int samples, IProgress<int>? done = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        Require.AtLeast(samples, 1);
        double[][] sums = new double[images.Set.Count][];
        using ModelUse use = ModelUse.Alone(_network.parameters());
        for (int draw = 0; draw < samples; draw++)
        {
            using IDisposable moved = At(draw);
            foreach (Batch batch in images.ForEvaluation().Epoch(0, cancellation))
            {
                double[][] rows = Probabilities(batch.Images);
                foreach ((int i, double[] row) in rows.Index())
                    Add(ref sums[batch.Indices[i]], row, samples);
            }
            done?.Report(draw + 1);
        }
        return sums;
    }

    /// <summary>The same for a batch of images.</summary>
    internal double[][] MeanProbabilities(Tensor images, int samples)
    {
        double[][] sums = new double[images.shape[0]][];
        using ModelUse use = ModelUse.Alone(_network.parameters());
        for (int draw = 0; draw < samples; draw++)
        {
            using IDisposable moved = At(draw);
            foreach ((int i, double[] row) in Probabilities(images).Index())
                Add(ref sums[i], row, samples);
        }
        return sums;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((_, Tensor deviation, _) in _parts)
            deviation.Dispose();
        _parts.Clear();
    }

    private static void Add(ref double[] sum, double[] row, int samples)
    {
        sum ??= new double[row.Length];
        for (int c = 0; c < row.Length; c++)
            sum[c] += row[c] / samples;
    }

    private double[][] Probabilities(Tensor images)
    {
        using ModelUse use = ModelUse.Ask(_network);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor probabilities = nn.functional.softmax(_network.call(images).to(ScalarType.Float64), 1).contiguous();
        ReadOnlySpan<double> values = MemoryMarshal.Cast<byte, double>(probabilities.bytes);
        var rows = new double[probabilities.shape[0]][];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = values.Slice(i * _network.Classes, _network.Classes).ToArray();
        return rows;
    }

    private sealed class Moved : IDisposable
    {
        private readonly List<(Parameter Weight, Tensor Mean)> _means = [];

        public Moved(WeightPosterior posterior, int draw)
        {
            using var noGrad = no_grad();
            foreach ((Parameter weight, Tensor deviation, long offset) in posterior._parts)
            {
                using var scope = NewDisposeScope();
                _means.Add((weight, weight.detach().clone().DetachFromDisposeScope()));
                float[] unit = new float[weight.numel()];
                posterior._noise.Fill(0, draw, offset, unit);
                weight.add_(tensor(unit).view(weight.shape).to(weight.dtype).mul_(deviation));
            }
        }

        public void Dispose()
        {
            using var noGrad = no_grad();
            foreach ((Parameter weight, Tensor mean) in _means)
            {
                weight.copy_(mean);
                mean.Dispose();
            }
            _means.Clear();
        }
    }
}
