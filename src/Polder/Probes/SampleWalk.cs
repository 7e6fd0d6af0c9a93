namespace Polder.Probes;

/// <summary>
/// Walks the sampled elements of a piece: it is cut into stretches of equal length, to one element, with a random place in each that is the same in all
/// passes of a step and on every machine.
/// </summary>
/// <param name="step">The number of the step.</param>
/// <param name="piece">The piece.</param>
/// <param name="samples">The number of samples, from 0 to the piece's length.</param>
internal struct SampleWalk(long step, ParameterPieces.Piece piece, int samples)
{
    // Stretch i begins at length * i / samples, rounded down; the remainders add up without a division a stretch.
    private readonly int _whole = samples == 0 ? 0 : piece.Length / samples, _rest = samples == 0 ? 0 : piece.Length % samples;
    private int _from, _carry;

    /// <summary>The number of the sample, from 0; -1 before the first.</summary>
    public int Index { get; private set; } = -1;

    /// <summary>The elements that the sample stands for.</summary>
    public int Length { get; private set; }

    /// <summary>The sampled element, counted from the start of the piece.</summary>
    public int Place { get; private set; }

    /// <summary>Goes to the next sample; false behind the last.</summary>
    public bool MoveNext()
    {
        if (++Index >= samples)
            return false;
        _from += Length;
        _carry += _rest;
        Length = _whole;
        if (_carry >= samples)
        {
            _carry -= samples;
            Length++;
        }
        Place = _from;
        if (Length > 1)
        {
            ulong random = Mix(Index), length = (ulong)Length;
            Place += (int)((length & (length - 1)) == 0 ? random & (length - 1) : random % length);
        }
        return true;
    }

    // A number that is as good as random for each stretch of each step (SplitMix64's finalizer).
    private readonly ulong Mix(int stretch)
    {
        ulong z = ((ulong)step * 0x9E3779B97F4A7C15) + ((ulong)piece.Index << 20) + (ulong)stretch + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
