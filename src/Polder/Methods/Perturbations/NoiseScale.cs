namespace Polder.Methods;

/// <summary>What the standard deviation sigma of a method's noise is relative to.</summary>
/// <remarks>
/// Weights that a normalization layer follows can be rescaled without changing the function, so absolute noise means less to large
/// weights than to small ones. Noise in proportion to the weights is invariant to such rescaling: the reasoning of adaptive SAM (Kwon,
/// Kim, Park and Choi, 2021), of filter-normalized directions (Li, Xu, Taylor, Studer and Goldstein, 2018) and of LPF-SGD (Bisla, Wang and
/// Choromanska, 2022). In return a weight of zero, for example a fresh bias, gets no noise.
/// </remarks>
public enum NoiseScale
{
    /// <summary>Every weight gets noise of standard deviation sigma, as in noise stability optimization. The default.</summary>
    Absolute,

    /// <summary>
    /// sigma x |filter|, the Euclidean norm of the weight's filter: the slice along the first axis of a parameter of two dimensions or more,
    /// the whole parameter otherwise. As LPF-SGD has it: the noise of a filter of n weights is some sigma sqrt(n) times as long as the
    /// filter, so that sigma is smaller than in the other scales, some 0.0005.
    /// </summary>
    FilterNormalized,

    /// <summary>
    /// sigma x |w| / sqrt(n), the root mean square of the parameter's n elements: the expected squared length of a parameter's noise is
    /// sigma^2 |w|^2, so that sigma is the relative length.
    /// </summary>
    LayerRelative,
}
