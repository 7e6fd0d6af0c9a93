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
        AddDots(_owner, (T*)_addresses[piece.Parameter], piece, start, count, at, origin, ref dots);
    }

    /// <summary>Adds the inner products of the displacement with a vector over some elements of a piece.</summary>
    /// <param name="owner">Knows the factors of the noise.</param>
    /// <param name="sum">The vector's elements of the piece's parameter; null is zero.</param>
    /// <param name="piece">The piece.</param>
    /// <param name="start">The first element within it.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="at">Where the parameters stand.</param>
    /// <param name="origin">W.</param>
    /// <param name="dots">What is added to.</param>
    public static void AddDots<T>(
        PairCurvature owner, T* sum, ParameterPieces.Piece piece, int start, int count, T* at, T* origin, ref DisplacementDots dots)
        where T : unmanaged, INumber<T>
    {
        if (sum == null)
            return;
        sum += piece.Start + start;
        if (owner.Factors is not { } factors)
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
        for (SampleWalk walk = _owner.Samples(piece); walk.MoveNext();)
        {
            int i = walk.Index;
            double value = sum == null ? 0 : double.CreateTruncating(sum[piece.Start + walk.Place]);
            if (ends)
                square += _owner.SquareOf(piece, walk,
                    ((between[i] - before[i]) / Pair.First.Weight) - ((value - between[i]) / Pair.Second.Weight), Pair.First.Scale);
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
        return _sum is null ? default : DotsThroughTorch(_owner, _sum, parameter, at, origin);
    }

    /// <summary>The inner products of the displacement with a vector over a parameter that only torch can read.</summary>
    public static DisplacementDots DotsThroughTorch(PairCurvature owner, ParameterVector sum, int parameter, Tensor at, Tensor origin)
    {
        using var scope = NewDisposeScope();
        double[] factors = owner.Factors is { } own ? [.. own.Rows(parameter)] : [1];
        Tensor products = at.detach().sub(origin).to(ScalarType.Float64).mul(sum.Blocks[parameter]);
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
}
