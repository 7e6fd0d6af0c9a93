namespace Polder.Probes;

/// <summary>
/// Reads what one point of an antithetic pair shows by itself while a pass leaves it: V'g of every piece and samples of g, g the weighted gradient of that
/// point alone. Two of them make a pair (<see cref="PairCurvature.Add"/>), on whichever machines they were.
/// </summary>
internal sealed unsafe class PointCurvature : MoveObserver
{
    private readonly PairCurvature _owner;
    private readonly ParameterVector _gradient;
    private readonly nint[] _addresses;
    private readonly double[] _values;
    private readonly int[] _samples; // where the samples of each piece begin

    /// <summary>Prepares a pass.</summary>
    /// <param name="owner">What knows the step.</param>
    /// <param name="gradient">The point's gradient.</param>
    /// <param name="values">Receives what is read: <see cref="LengthOf"/> numbers.</param>
    public PointCurvature(PairCurvature owner, ParameterVector gradient, double[] values)
    {
        (_owner, _gradient, _values) = (owner, gradient, values);
        _addresses = [.. gradient.Blocks.Select(ParameterMover.AddressOf)];
        _samples = new int[owner.Space.Pieces.All.Count];
        for (int i = 0, next = 2 * _samples.Length; i < _samples.Length; next += owner[i].SampleCount, i++)
            _samples[i] = next;
    }

    /// <inheritdoc/>
    public override bool Leaves => true;

    /// <inheritdoc/>
    public override bool Enters => false;

    /// <summary>How many numbers a point shows.</summary>
    public static int LengthOf(PairCurvature owner) =>
        (2 * owner.Space.Pieces.All.Count) + (owner.TakesSamples ? owner.Space.Pieces.All.Sum(piece => owner[piece.Index].SampleCount) : 0);

    /// <inheritdoc/>
    public override void Observe<T>(ParameterPieces.Piece piece, int start, int count, T* at, T* origin, ref DisplacementDots dots) =>
        CurvaturePass.AddDots(_owner, (T*)_addresses[piece.Parameter], piece, start, count, at, origin, ref dots);

    /// <inheritdoc/>
    public override void Finish<T>(ParameterPieces.Piece piece, DisplacementDots left, DisplacementDots entered)
    {
        Settle(piece.Index, left);
        T* gradient = (T*)_addresses[piece.Parameter];
        for (SampleWalk walk = _owner.Samples(piece); walk.MoveNext();)
            _values[_samples[piece.Index] + walk.Index] = gradient == null ? 0 : double.CreateTruncating(gradient[piece.Start + walk.Place]);
    }

    /// <inheritdoc/>
    public override DisplacementDots ObserveThroughTorch(int parameter, Tensor at, Tensor origin) =>
        CurvaturePass.DotsThroughTorch(_owner, _gradient, parameter, at, origin);

    /// <inheritdoc/>
    public override void FinishThroughTorch(int parameter, DisplacementDots left, DisplacementDots entered) =>
        Settle(_owner.Space.Pieces.All.First(piece => piece.Parameter == parameter).Index, left);

    private void Settle(int piece, DisplacementDots left) => (_values[2 * piece], _values[(2 * piece) + 1]) = (left.Trace, left.Scaled);
}
