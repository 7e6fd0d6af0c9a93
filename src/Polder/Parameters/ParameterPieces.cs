using System.Runtime.ExceptionServices;

namespace Polder.Parameters;

/// <summary>The elements of a space cut into pieces of work for threads; small networks are one piece a parameter and never leave the calling thread.</summary>
internal sealed class ParameterPieces
{
    private const int PieceLength = 1 << 16;

    private readonly bool _small;

    public ParameterPieces(IReadOnlyList<Parameter> parameters)
    {
        var pieces = new List<Piece>();
        for (int i = 0; i < parameters.Count; i++)
            for (long start = 0, count = parameters[i].numel(); start < count; start += PieceLength)
                pieces.Add(new Piece(pieces.Count, i, start, (int)Math.Min(PieceLength, count - start)));
        All = pieces;
        _small = pieces.Sum(piece => (long)piece.Length) <= PieceLength;
    }

    /// <summary>The pieces, in the order of the elements.</summary>
    public IReadOnlyList<Piece> All { get; }

    /// <summary>Does some work on every piece, on as many threads as torch uses.</summary>
    public void ForEach(Action<Piece> work)
    {
        if (_small)
        {
            foreach (Piece piece in All)
                work(piece);
            return;
        }
        try
        {
            Parallel.ForEach(All, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, get_num_threads()) }, work);
        }
        catch (AggregateException several) when (several.InnerException is { } first)
        {
            // A failing noise stream throws its own exception, whatever the size of the model.
            ExceptionDispatchInfo.Throw(first);
        }
    }

    /// <summary>Some elements of one parameter.</summary>
    /// <param name="Index">The piece's number.</param>
    /// <param name="Parameter">The parameter's number.</param>
    /// <param name="Start">The first element within the parameter.</param>
    /// <param name="Length">The number of elements.</param>
    public readonly record struct Piece(int Index, int Parameter, long Start, int Length);
}
