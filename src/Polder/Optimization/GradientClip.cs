namespace Polder.Optimization;

/// <summary>
/// Limits the final gradient of a step, once: what the method has composed of all its probes, right before the base optimizer sees it.
/// Clipping each probe instead would bend the method's own estimate.
/// </summary>
public sealed class GradientClip : IUpdateHook
{
    private readonly Action<ParameterVector> _clip;

    private GradientClip(Action<ParameterVector> clip) => _clip = clip;

    /// <summary>
    /// Scales the gradient down to a Euclidean norm, over all parameters, of at most <paramref name="limit"/>; a shorter one stays bit for bit.
    /// </summary>
    /// <param name="limit">The largest norm, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="limit"/> is not a finite number above 0.</exception>
    public static GradientClip ByNorm(double limit)
    {
        Require.Positive(limit);
        return new GradientClip(gradient =>
        {
            double norm = gradient.Norm();
            if (norm > limit)
                gradient.Scale(limit / norm);
        });
    }

    /// <summary>Limits every element of the gradient to between -<paramref name="limit"/> and <paramref name="limit"/>.</summary>
    /// <param name="limit">The largest absolute value, above 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="limit"/> is not a finite number above 0.</exception>
    public static GradientClip ByValue(double limit)
    {
        Require.Positive(limit);
        return new GradientClip(gradient => gradient.Clamp(limit));
    }

    /// <inheritdoc/>
    public void BeforeUpdate(UpdateContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _clip(context.Gradient);
    }
}
