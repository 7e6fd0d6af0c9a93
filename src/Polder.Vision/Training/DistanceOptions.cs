using Polder.Regularization;

namespace Polder.Vision.Training;

/// <summary>How far the weights may go from the pre-trained ones. The head, which has none, is measured from zero.</summary>
public sealed record DistanceOptions
{
    /// <summary>The strength of the penalty (strength / 2) ||W - W0||^2 a layer, at least 0; 0, the default, is none.</summary>
    public double Penalty { get; init; }

    /// <summary>The radius that the body's layers are projected to after every step, at least 0; null, the default, is none.</summary>
    public double? Radius { get; init; }

    /// <summary>The radius of the head; null, the default, leaves it free.</summary>
    public double? HeadRadius { get; init; }

    /// <summary>The norm of both. Default: Frobenius.</summary>
    public DistanceNorm Norm { get; init; } = DistanceNorm.Frobenius;

    internal void Validate()
    {
        Require(Penalty >= 0 && double.IsFinite(Penalty), nameof(Penalty), Penalty);
        Require(Radius is null or >= 0, nameof(Radius), Radius ?? 0);
        Require(HeadRadius is null or >= 0, nameof(HeadRadius), HeadRadius ?? 0);
        if (!Enum.IsDefined(Norm))
            throw new ArgumentOutOfRangeException(nameof(Norm), Norm, $"{nameof(Norm)} must be frobenius or max-row-sum");
    }

    private static void Require(bool allowed, string name, double found)
    {
        if (!allowed)
            throw new ArgumentOutOfRangeException(name, found, $"{name} must be a number of at least 0");
    }
}
