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
        Require.NotNegative(Penalty);
        Require.NotNegativeOrInfinite(Radius ?? 0, nameof(Radius));
        Require.NotNegativeOrInfinite(HeadRadius ?? 0, nameof(HeadRadius));
        Require.Known(Norm);
    }
}
