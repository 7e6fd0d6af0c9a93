using System.Numerics;

namespace Polder.Parameters;

/// <summary>Sees the displacement while a pass moves the parameters; called from several threads, each with pieces of its own.</summary>
internal abstract unsafe class MoveObserver
{
    /// <summary>Whether the displacement before the move counts.</summary>
    public abstract bool Leaves { get; }

    /// <summary>Whether the displacement after the move counts.</summary>
    public abstract bool Enters { get; }

    /// <summary>Adds the inner products over some elements of a piece.</summary>
    public abstract void Observe<T>(ParameterPieces.Piece piece, int start, int count, T* at, T* origin, ref DisplacementDots dots)
        where T : unmanaged, INumber<T>;

    /// <summary>Takes what the pass saw of a piece.</summary>
    public abstract void Finish<T>(ParameterPieces.Piece piece, DisplacementDots left, DisplacementDots entered) where T : unmanaged, INumber<T>;

    /// <summary>The inner products over a parameter that only torch can read.</summary>
    public abstract DisplacementDots ObserveThroughTorch(int parameter, Tensor at, Tensor origin);

    /// <summary>Takes what the pass saw of such a parameter.</summary>
    public abstract void FinishThroughTorch(int parameter, DisplacementDots left, DisplacementDots entered);
}

/// <summary>Inner products of a displacement V = c U with a vector s.</summary>
/// <param name="Trace">sum V_i s_i / c_i^2.</param>
/// <param name="Scaled">sum V_i s_i.</param>
internal readonly record struct DisplacementDots(double Trace, double Scaled);
