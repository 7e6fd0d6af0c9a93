using System.Runtime.InteropServices;

namespace Polder.Objectives;

// An empirical loss that ranks share.
public partial class EmpiricalLoss
{
    private IRanks? _ranks;
    private RankShare? _share;

    /// <summary>
    /// The same loss, shared by the ranks of a job: each computes on its batches, and where there are more ranks than batches, the vectors of a product are
    /// shared out as well. Every rank measures the same and gets the same: values bit for bit those of one process, gradients and products up to rounding.
    /// </summary>
    /// <param name="ranks">The ranks, each of which has the same model and data; null: this process alone.</param>
    public EmpiricalLoss Over(IRanks? ranks) =>
        new(_model, [.. _names.Zip(Space.Parameters)], _batches, Options with { Parameters = null }) { _checked = _checked, _ranks = ranks };

    /// <summary>The rows of a product's vectors that this rank computes.</summary>
    internal Range VectorsOf(int count) => Share is not { } share ? ..count
        : share.Group >= share.Groups ? ..0 : (count * share.Group / share.Groups)..(count * (share.Group + 1) / share.Groups);

    /// <summary>Sums over the ranks what each has of its own batches.</summary>
    /// <param name="rows">Flat vectors, one a row.</param>
    /// <param name="value">A number; what several ranks compute counts once.</param>
    /// <param name="total">The weights of the batches, likewise.</param>
    internal void Combine(Tensor rows, ref double value, ref double total)
    {
        if (Share is not { } share)
            return;
        for (long row = 0; row < rows.shape[0]; row++)
        {
            using Tensor one = rows[row];
            if (DataType == ScalarType.Float32)
                _ranks!.Sum(MemoryMarshal.Cast<byte, float>(one.bytes));
            else
                _ranks!.Sum(MemoryMarshal.Cast<byte, double>(one.bytes));
        }
        double[] sums = share.Group == 0 ? [value, total] : [0, 0];
        _ranks!.Sum(sums);
        (value, total) = (sums[0], sums[1]);
    }

    // As one process adds them up: in the batches' order.
    private (double Sum, double Total) Fold(List<(int Number, double Value, double Weight)> own)
    {
        if (Share is { } share)
        {
            double[] all = new double[2 * share.Batches];
            foreach ((int number, double value, double weight) in share.Group == 0 ? own : [])
                (all[2 * number], all[(2 * number) + 1]) = (value, weight);
            _ranks!.Sum(all);
            own = [.. Enumerable.Range(0, share.Batches).Select(i => (i, all[2 * i], all[(2 * i) + 1]))];
        }
        double sum = 0, total = 0;
        foreach ((_, double value, double weight) in own)
        {
            sum += weight * value;
            total += weight;
        }
        return (sum, total);
    }

    private bool IsOwn(BatchLoss batch) => Share is not { } share || batch.Number % share.Shards == share.Shard;

    private RankShare? Share => _ranks is null or { Size: 1 } ? null : _share ??= RankShare.Of(_ranks, _batches().Count());

    /// <summary>What a rank has of a pass.</summary>
    /// <param name="Batches">All batches.</param>
    /// <param name="Shard">Which of the <paramref name="Shards"/> of the batches.</param>
    /// <param name="Shards">The parts that the batches are in.</param>
    /// <param name="Group">Which of the <paramref name="Groups"/> of ranks that have all batches together; ranks beyond the last whole one wait.</param>
    /// <param name="Groups">The groups, each of which computes other vectors.</param>
    private sealed record RankShare(int Batches, int Shard, int Shards, int Group, int Groups)
    {
        public static RankShare Of(IRanks ranks, int batches)
        {
            int shards = Math.Max(1, Math.Min(batches, ranks.Size));
            return new(batches, ranks.Rank % shards, shards, ranks.Rank / shards, ranks.Size / shards);
        }
    }
}
