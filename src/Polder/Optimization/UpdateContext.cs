namespace Polder.Optimization;

/// <summary>What a hook sees of the step whose update it stands beside.</summary>
/// <param name="Space">The parameters; their tensors are the weights, which a hook may change.</param>
/// <param name="Gradient">The final gradient: what the method has composed, as the hooks before have left it. Before the update a hook may change it.</param>
/// <param name="Step">The number of the step, from 0.</param>
/// <param name="Base">The base optimizer, with its groups and their learning rates at this step.</param>
/// <param name="Loss">The loss of the step (<see cref="StepResult.Loss"/>).</param>
public sealed record UpdateContext(ParameterSpace Space, ParameterVector Gradient, long Step, OptimizerHelper Base, double Loss)
{
    private readonly bool _marked = Enumerable.Range(0, Space.Parameters.Count).Any(Space.HasReceivedGradient);

    /// <summary>Whether the base optimizer updates a parameter: one that no gradient has ever reached does not even decay.</summary>
    /// <param name="parameter">The parameter's index in <see cref="Space"/>.</param>
    public bool Updates(int parameter) => !_marked || Space.HasReceivedGradient(parameter);

    /// <summary>The hooks, the base optimizer's step, and the hooks again.</summary>
    internal void Update(IList<IUpdateHook> hooks)
    {
        foreach (IUpdateHook hook in hooks)
            hook.BeforeUpdate(this);
        if (!FusedSgd.TryStep(Base, Space, Gradient, Updates))
            MakeStep();
        foreach (IUpdateHook hook in hooks)
            hook.AfterUpdate(this);
    }

    private void MakeStep()
    {
        try
        {
            for (int i = 0; i < Space.Parameters.Count; i++)
                Space.Parameters[i].grad = Updates(i) ? Gradient.Blocks[i] : null;
            Base.step();
        }
        finally
        {
            foreach (Parameter parameter in Space.Parameters)
                parameter.grad = null;
        }
    }
}
