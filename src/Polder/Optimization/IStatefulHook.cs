namespace Polder.Optimization;

/// <summary>A hook that remembers something from step to step, for example averaged weights; it is saved with the optimizer's state.</summary>
public interface IStatefulHook : IUpdateHook
{
    /// <summary>Adds what a resumed run needs to go on bit for bit.</summary>
    /// <param name="state">Takes names that are unique within the hook, and new tensors (copies, in the current dispose scope); numbers are scalar
    /// tensors.</param>
    void Save(IDictionary<string, torch.Tensor> state);

    /// <summary>Takes over what <see cref="Save"/> wrote, by copying: the tensors stay the caller's.</summary>
    /// <param name="space">The optimizer's parameters.</param>
    /// <param name="state">The names and tensors of this hook; empty where the state was saved before the hook did its first step.</param>
    /// <exception cref="ArgumentException">A tensor is missing or of another shape than the hook's; the message names it.</exception>
    void Load(ParameterSpace space, IReadOnlyDictionary<string, torch.Tensor> state);
}
