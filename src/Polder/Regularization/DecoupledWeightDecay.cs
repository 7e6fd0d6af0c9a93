using Polder.Optimization;
using Polder.Parameters;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Regularization;

/// <summary>
/// Weight decay beside the gradient (Loshchilov and Hutter, 2019): W &lt;- (1 - learning rate x strength) W before the base optimizer's
/// update, so that momentum and adaptive scaling do not see it. AdamW has it built in; this gives it to any other.
/// </summary>
public sealed class DecoupledWeightDecay : IUpdateHook
{
    private readonly OptimizerHelper _base;

    /// <summary>Makes the decay.</summary>
    /// <param name="base">The base optimizer, made without weight decay of its own; each group's learning rate at the step counts.</param>
    /// <param name="strength">The strength, a finite number of at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="strength"/> is out of range.</exception>
    public DecoupledWeightDecay(OptimizerHelper @base, double strength)
    {
        ArgumentNullException.ThrowIfNull(@base);
        Require.NotNegative(strength);
        (_base, Strength) = (@base, strength);
    }

    /// <summary>The strength.</summary>
    public double Strength { get; }

    /// <inheritdoc/>
    public void BeforeUpdate(ParameterSpace space, ParameterVector gradient)
    {
        ArgumentNullException.ThrowIfNull(space);
        if (Strength == 0)
            return;
        using var noGrad = no_grad();
        // As in the base optimizers, a parameter that has never received a gradient does not decay.
        bool marked = Enumerable.Range(0, space.Parameters.Count).Any(space.HasReceivedGradient);
        foreach (ParamGroup group in _base.ParamGroups.OfType<ParamGroup>())
        {
            using Scalar factor = (1 - (group.LearningRate * Strength)).ToScalar();
            // Tied parameters stand twice in a group and decay once.
            foreach (int place in group.Parameters.Select(space.IndexOf).Where(place => place >= 0).Distinct())
                if (!marked || space.HasReceivedGradient(place))
                    space.Parameters[place].mul_(factor);
        }
    }
}
