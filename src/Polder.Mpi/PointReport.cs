using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Polder.Mpi;

/// <summary>
/// What the ranks tell each other of a run beside the gradients, in one exchange: which parameters a gradient has reached, who wants to stop, whether
/// random numbers were drawn, and of every piece its loss, what it made of the model's buffers, and what it showed of the curvature.
/// </summary>
internal sealed class PointReport
{
    private const int Flags = 8; // whole words, so that every number lies where it may
    private const byte Stop = 1, Drew = 2;

    private readonly int _parameters, _curvature, _buffers, _unit, _most, _block;
    private readonly byte[] _own, _all;

    /// <param name="ranks">The number of ranks.</param>
    /// <param name="most">The pieces of the rank that has most.</param>
    /// <param name="parameters">The parameters of the space.</param>
    /// <param name="curvature">The numbers that a piece shows of the curvature.</param>
    /// <param name="buffers">The bytes of the model's buffers.</param>
    public PointReport(int ranks, int most, int parameters, int curvature, int buffers)
    {
        (_parameters, _curvature, _buffers, _most) = (parameters, curvature, buffers, most);
        _unit = sizeof(double) * (1 + curvature) + Whole(buffers);
        _block = Flags + Whole(parameters) + (most * _unit);
        (_own, _all) = (new byte[_block], new byte[ranks * _block]);
    }

    /// <summary>How many numbers a piece shows of the curvature.</summary>
    public int CurvatureLength => _curvature;

    /// <summary>Whether the report has these lengths.</summary>
    public bool Fits(int ranks, int most, int parameters, int curvature, int buffers) =>
        (ranks * _block, most, parameters, curvature, buffers) == (_all.Length, _most, _parameters, _curvature, _buffers);

    /// <summary>Begins this rank's part.</summary>
    public void Clear() => Array.Clear(_own);

    public void Say(bool stop, bool drew) => _own[0] = (byte)((stop ? Stop : 0) | (drew ? Drew : 0));

    public void SayReceived(int parameter) => _own[Flags + parameter] = 1;

    public void SayLoss(int unit, double loss) => BinaryPrimitives.WriteDoubleLittleEndian(_own.AsSpan(Place(unit)), loss);

    public void SayCurvature(int unit, ReadOnlySpan<double> values) =>
        MemoryMarshal.AsBytes(values).CopyTo(_own.AsSpan(Place(unit) + sizeof(double)));

    /// <summary>Where this rank writes the buffers that a piece has left.</summary>
    public Span<byte> BuffersOf(int unit) => _own.AsSpan(Place(unit) + (sizeof(double) * (1 + _curvature)), _buffers);

    /// <summary>Tells and hears all.</summary>
    public void Share(IRanks ranks) => ranks.Gather(_own, _all);

    public bool AnyStop => Any(Stop);

    public bool AnyDrew => Any(Drew);

    public bool HasReceived(int parameter)
    {
        for (int block = 0; block < _all.Length; block += _block)
            if (_all[block + Flags + parameter] != 0)
                return true;
        return false;
    }

    /// <summary>A rank's loss of one of its pieces.</summary>
    public double Loss(int rank, int unit) => BinaryPrimitives.ReadDoubleLittleEndian(_all.AsSpan((rank * _block) + Place(unit)));

    public ReadOnlySpan<double> Curvature(int rank, int unit) =>
        MemoryMarshal.Cast<byte, double>(_all.AsSpan((rank * _block) + Place(unit) + sizeof(double), sizeof(double) * _curvature));

    public ReadOnlySpan<byte> Buffers(int rank, int unit) =>
        _all.AsSpan((rank * _block) + Place(unit) + (sizeof(double) * (1 + _curvature)), _buffers);

    private bool Any(byte flag)
    {
        for (int block = 0; block < _all.Length; block += _block)
            if ((_all[block] & flag) != 0)
                return true;
        return false;
    }

    private int Place(int unit) => Flags + Whole(_parameters) + (unit * _unit);

    private static int Whole(int bytes) => (bytes + 7) & ~7;
}
