namespace Polder.Probes;

/// <summary>
/// Collects the curvature that a step's antithetic pairs show, while the parameters move anyway. Gradients are summed in place, so g- is
/// never seen alone: the inner products of V with the sum before, between and after the two probes of a pair give
/// w V'g+ = between - before and w V'g- = after - between, w the probes' weights. Each point counts by its weight, so that the parts of a
/// split batch count by their sizes.
/// </summary>
/// <remarks>
/// Sums are kept in double precision, one a piece of work, and added up in the pieces' order, so that they do not depend on the number of
/// threads. |g+ - g-|^2 is no sum of such products: it is taken over at most <see cref="SamplesPerPiece"/> elements of each piece, one at a
/// random place of every stretch of equal length, so that nothing of the parameters' size is kept.
/// </remarks>
internal sealed class PairCurvature
{
    private const int SamplesPerPiece = 512;

    private readonly PieceSums[] _sums;
    private readonly int _parameters;
    private double _lossSum, _weightSum, _sigma;
    private int _pairs;
    private bool _comparable;

    public PairCurvature(ParameterSpace space)
    {
        Space = space;
        _parameters = space.Parameters.Count;
        _sums = [.. space.Pieces.All.Select(piece => new PieceSums(piece.Parameter, Math.Min(piece.Length, SamplesPerPiece)))];
    }

    /// <summary>The space.</summary>
    public ParameterSpace Space { get; }

    /// <summary>The factors of the noise; null where all are 1.</summary>
    public ParameterFactors? Factors { get; private set; }

    /// <summary>The number of the step.</summary>
    public long Step { get; private set; }

    /// <summary>Whether |g+ - g-|^2 is a number of interest: the same sigma wherever there is noise.</summary>
    public bool TakesSamples { get; private set; }

    /// <summary>The sums of a piece.</summary>
    public PieceSums this[int piece] => _sums[piece];

    /// <summary>Forgets the step before.</summary>
    public void Begin(ProbeStep step)
    {
        Step = step.Step;
        Factors = (step.Noise as ScaledNoise)?.Factors;
        TakesSamples = _comparable = Factors is null || Factors.Common is not null;
        (_lossSum, _weightSum, _pairs) = (0, 0, 0);
        foreach (PieceSums sums in _sums)
            sums.Clear();
    }

    /// <summary>The pass to the first point of a pair.</summary>
    /// <param name="before">The sum of gradients so far; null where it is zero.</param>
    public CurvaturePass Enter(ParameterVector? before) => new(this, CurvatureStage.Enter, before);

    /// <summary>The pass from the first to the second point.</summary>
    public CurvaturePass Turn(ParameterVector between) => new(this, CurvatureStage.Turn, between);

    /// <summary>The pass from the second point on.</summary>
    /// <param name="after">The sum of gradients.</param>
    /// <param name="pair">The pair that ends.</param>
    /// <param name="enters">Whether the pass leads to the first point of the next pair.</param>
    public CurvaturePass Leave(ParameterVector after, ProbePair pair, bool enters)
    {
        Count(pair);
        return new(this, enters ? CurvatureStage.LeaveAndEnter : CurvatureStage.Leave, after) { Pair = pair };
    }

    /// <summary>Takes in a pair whose points were seen apart (<see cref="PointCurvature"/>).</summary>
    /// <param name="pair">The pair.</param>
    /// <param name="first">What its first point showed.</param>
    /// <param name="second">What its second point showed.</param>
    public void Add(ProbePair pair, ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        Count(pair);
        double variance = pair.First.Scale * pair.First.Scale;
        int sample = 2 * _sums.Length;
        foreach (ParameterPieces.Piece piece in Space.Pieces.All)
        {
            PieceSums sums = _sums[piece.Index];
            // Each by its own displacement, and the second point's is the first's mirrored: V'(g+ - g-), times the weight.
            sums.Trace += (first[2 * piece.Index] + second[2 * piece.Index]) / variance;
            sums.Scaled += first[(2 * piece.Index) + 1] + second[(2 * piece.Index) + 1];
            for (SampleWalk walk = Samples(piece); walk.MoveNext(); sample++)
                sums.Square += SquareOf(piece, walk, (first[sample] / pair.First.Weight) - (second[sample] / pair.Second.Weight), pair.First.Scale);
        }
    }

    /// <summary>The samples of a piece; none where they are of no interest.</summary>
    public SampleWalk Samples(ParameterPieces.Piece piece) => new(Step, piece, TakesSamples ? _sums[piece.Index].SampleCount : 0);

    /// <summary>What a sampled difference g+ - g- adds to the sum of squares, for all of its stretch.</summary>
    public double SquareOf(ParameterPieces.Piece piece, SampleWalk at, double difference, double scale)
    {
        double factor = Factors?.At(piece.Parameter, piece.Start + at.Place).Factor ?? 1;
        double half = factor == 0 ? 0 : difference / (2 * factor * scale);
        return half * half * at.Length;
    }

    /// <summary>Says that a parameter cannot be sampled.</summary>
    public void CannotSample() => TakesSamples = false;

    /// <summary>What the step's pairs saw; null where there was none.</summary>
    /// <param name="centreLoss">f(W) where the step evaluated it.</param>
    public CurvatureSample? Complete(double? centreLoss)
    {
        if (_pairs == 0)
            return null;
        double[] traces = new double[_parameters];
        double scaled = 0, square = 0;
        foreach (PieceSums sums in _sums)
        {
            traces[sums.Parameter] += sums.Trace / _weightSum;
            scaled += sums.Scaled / _weightSum;
            square += sums.Square / _pairs;
        }
        double common = _sigma * (Factors?.Common ?? 1), pairLoss = _lossSum / _weightSum;
        return new CurvatureSample(
            traces.Sum(), traces, TakesSamples ? square : null, _comparable && centreLoss is { } f ? 2 * (pairLoss - f) / (common * common) : null,
            scaled / 2, pairLoss, _pairs, _sigma);
    }

    private void Count(ProbePair pair)
    {
        _pairs++;
        _lossSum += (pair.First.Weight * pair.FirstLoss) + (pair.Second.Weight * pair.SecondLoss);
        _weightSum += pair.First.Weight + pair.Second.Weight;
        _sigma = Math.Abs(pair.First.Scale);
        if (pair.First.Rows is not null)
            TakesSamples = _comparable = false;
    }

    /// <summary>What is kept of a piece.</summary>
    internal sealed class PieceSums(int parameter, int samples)
    {
        private double[]? _before, _between;

        public int Parameter => parameter;

        public int SampleCount => samples;

        public DisplacementDots Before { get; set; }

        public DisplacementDots Between { get; set; }

        public double Trace { get; set; }

        public double Scaled { get; set; }

        public double Square { get; set; }

        public double[] SamplesBefore => _before ??= new double[samples];

        public double[] SamplesBetween => _between ??= new double[samples];

        public void Clear() => (Trace, Scaled, Square) = (0, 0, 0);
    }
}

/// <summary>An antithetic pair that has been evaluated.</summary>
internal readonly record struct ProbePair(Probe First, Probe Second, double FirstLoss, double SecondLoss);
