using System.Numerics;

namespace Polder.Probes;

/// <summary>Where a pass over the parameters stands in a pair.</summary>
internal enum CurvatureStage
{
    /// <summary>To the first point of a pair.</summary>
    Enter,

    /// <summary>From the first to the second.</summary>
    Turn,

    /// <summary>Away from the second.</summary>
    Leave,

    /// <summary>From the second point of a pair to the first of the next.</summary>
    LeaveAndEnter,
}

/// <summary>Reads inner products of the displacement with the sum of gradients while a pass moves the parameters (<see cref="PairCurvature"/>).</summary>
internal sealed unsafe class CurvaturePass : MoveObserver
{
    private readonly PairCurvature _owner;
    private readonly CurvatureStage _stage;
    private readonly ParameterVector? _sum;
    private readonly nint[] _addresses;

    public CurvaturePass(PairCurvature owner, CurvatureStage stage, ParameterVector? sum)
    {
        (_owner, _stage, _sum) = (owner, stage, sum);
        _addresses = new nint[owner.Space.Parameters.Count];
        if (sum is not null)
            for (int i = 0; i < _addresses.Length; i++)
                _addresses[i] = ParameterMover.AddressOf(sum.Blocks[i]);
    }

    /// <summary>The pair that ends with this pass.</summary>
    public ProbePair Pair { get; init; }

    /// <inheritdoc/>
    public override bool Leaves => _stage != CurvatureStage.Enter;

    /// <inheritdoc/>
    public override bool Enters => _sum is not null && _stage is CurvatureStage.Enter or CurvatureStage.LeaveAndEnter;

    /// <inheritdoc/>
    public override void Observe<T>(ParameterPieces.Piece piece, int start, int count, T* at, T* origin, ref DisplacementDots dots)
    {
        T* sum = (T*)_addresses[piece.Parameter];
        if (sum == null)
            return;
        sum += piece.Start + start;
        if (_owner.Factors is not { } factors)
        {
            double dot = Dot(at, origin, sum, count);
            dots = new DisplacementDots(dots.Trace + dot, dots.Scaled + dot);
            return;
        }
        for (int done = 0; done < count;)
        {
            var (factor, run) = factors.At(piece.Parameter, piece.Start + start + done);
            int length = (int)Math.Min(run, count - done);
            double dot = factor == 0 ? 0 : Dot(at + done, origin + done, sum + done, length);
            dots = new DisplacementDots(dots.Trace + (factor == 0 ? 0 : dot / (factor * factor)), dots.Scaled + dot);
            done += length;
        }
    }

    /// <inheritdoc/>
    public override void Finish<T>(ParameterPieces.Piece piece, DisplacementDots left, DisplacementDots entered)
    {
        T* sum = (T*)_addresses[piece.Parameter];
        PairCurvature.PieceSums sums = _owner[piece.Index];
        Settle(sums, left, entered);
        if (!_owner.TakesSamples)
            return;
        bool ends = _stage is CurvatureStage.Leave or CurvatureStage.LeaveAndEnter;
        double[] before = sums.SamplesBefore, between = sums.SamplesBetween;
        double square = 0;
        for (int i = 0; i < sums.SampleCount; i++)
        {
            long from = (long)piece.Length * i / sums.SampleCount, to = (long)piece.Length * (i + 1) / sums.SampleCount;
            long place = to - from == 1 ? from : from + (long)(Mix(_owner.Step, piece.Index, i) % (ulong)(to - from));
            double value = sum == null ? 0 : double.CreateTruncating(sum[piece.Start + place]);
            if (ends)
            {
                double factor = _owner.Factors?.At(piece.Parameter, piece.Start + place).Factor ?? 1;
                double difference = ((between[i] - before[i]) / Pair.First.Weight) - ((value - between[i]) / Pair.Second.Weight);
                double half = factor == 0 ? 0 : difference / (2 * factor * Pair.First.Scale);
                square += half * half * (to - from);
            }
            if (_stage == CurvatureStage.Turn)
                between[i] = value;
            else
                before[i] = value;
        }
        sums.Square += square;
    }

    /// <inheritdoc/>
    public override DisplacementDots ObserveThroughTorch(int parameter, Tensor at, Tensor origin)
    {
        if (_sum is null)
            return default;
        using var scope = NewDisposeScope();
        double[] factors = _owner.Factors is { } own ? [.. own.Rows(parameter)] : [1];
        Tensor products = at.detach().sub(origin).to(ScalarType.Float64).mul(_sum.Blocks[parameter]);
        double[] rows = [.. products.reshape(factors.Length, -1).sum(1).cpu().data<double>()];
        return new DisplacementDots(rows.Zip(factors, (dot, factor) => factor == 0 ? 0 : dot / (factor * factor)).Sum(), rows.Sum());
    }

    /// <inheritdoc/>
    public override void FinishThroughTorch(int parameter, DisplacementDots left, DisplacementDots entered)
    {
        _owner.CannotSample();
        Settle(_owner[_owner.Space.Pieces.All.First(piece => piece.Parameter == parameter).Index], left, entered);
    }

    // The second point's displacement is -V: its products count from -between to after.
    private void Settle(PairCurvature.PieceSums sums, DisplacementDots left, DisplacementDots entered)
    {
        if (_stage == CurvatureStage.Turn)
            sums.Between = left;
        if (_stage is CurvatureStage.Leave or CurvatureStage.LeaveAndEnter)
        {
            double variance = Pair.First.Scale * Pair.First.Scale;
            sums.Trace += ((2 * sums.Between.Trace) - sums.Before.Trace + left.Trace) / variance;
            sums.Scaled += (2 * sums.Between.Scaled) - sums.Before.Scaled + left.Scaled;
        }
        if (_stage is CurvatureStage.Enter or CurvatureStage.LeaveAndEnter)
            sums.Before = entered;
    }

    // Products in the elements' own precision, their sum in double.
    private static double Dot<T>(T* at, T* origin, T* sum, int count) where T : unmanaged, INumber<T>
    {
        double total = 0;
        int i = 0;
        if (typeof(T) == typeof(float))
        {
            Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector<float> product = (Vector.Load((float*)at + i) - Vector.Load((float*)origin + i)) * Vector.Load((float*)sum + i);
                Vector.Widen(product, out Vector<double> a, out Vector<double> b);
                low += a;
                high += b;
            }
            total = Vector.Sum(low + high);
        }
        else
        {
            Vector<double> all = Vector<double>.Zero;
            for (; i <= count - Vector<double>.Count; i += Vector<double>.Count)
                all += (Vector.Load((double*)at + i) - Vector.Load((double*)origin + i)) * Vector.Load((double*)sum + i);
            total = Vector.Sum(all);
        }
        for (; i < count; i++)
            total += double.CreateTruncating((at[i] - origin[i]) * sum[i]);
        return total;
    }

    // A number that is as good as random for each stretch of each step, and the same in all passes of a step (SplitMix64's finalizer).
    private static ulong Mix(long step, int piece, int stretch)
    {
        ulong z = ((ulong)step * 0x9E3779B97F4A7C15) + ((ulong)piece << 20) + (ulong)stretch + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
