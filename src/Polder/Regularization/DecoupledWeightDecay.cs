namespace Polder.Regularization;

/// <summary>
/// Weight decay beside the gradient (Loshchilov and Hutter, 2019): W &lt;- (1 - learning rate x strength) W before the base optimizer's
/// update, so that momentum and adaptive scaling do not see it. AdamW has it built in; this gives it to any other.
/// </summary>
public sealed class DecoupledWeightDecay : IUpdateHook
{
    /// <summary>Makes the decay of a base optimizer without weight decay of its own; each group's learning rate at the step counts.</summary>
    /// <param name="strength">The strength, a finite number of at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="strength"/> is out of range.</exception>
    public DecoupledWeightDecay(double strength)
    {
        Require.NotNegative(strength);
        Strength = strength;
    }

    /// <summary>The strength.</summary>
    public double Strength { get; }

    /// <inheritdoc/>
    public void BeforeUpdate(UpdateContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (Strength == 0)
            return;
        ParameterSpace space = context.Space;
        using var noGrad = no_grad();
        foreach (ParamGroup group in context.Base.ParamGroups.OfType<ParamGroup>())
        {
            using Scalar factor = (1 - (group.LearningRate * Strength)).ToScalar();
            // Tied parameters stand twice in a group and decay once.
            foreach (int place in group.Parameters.Select(space.IndexOf).Where(place => place >= 0).Distinct())
                if (context.Updates(place))
                    space.Parameters[place].mul_(factor);
        }
    }
}
