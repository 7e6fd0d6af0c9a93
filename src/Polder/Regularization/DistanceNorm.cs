namespace Polder.Regularization;

/// <summary>
/// How the distance of a layer's weights from their start is measured. A weight of more than two dimensions is a matrix whose rows are its filters.
/// </summary>
public enum DistanceNorm
{
    /// <summary>The root of the sum of squares.</summary>
    Frobenius,

    /// <summary>The largest sum of absolute values of a row: the operator norm from l-infinity to l-infinity (Gouk, Hospedales and Pontil, 2021).</summary>
    MaxRowSum,
}
