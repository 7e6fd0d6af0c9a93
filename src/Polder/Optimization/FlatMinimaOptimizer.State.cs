using System.Text;

namespace Polder.Optimization;

/// <content>Saving and loading what a resumed run needs.</content>
public partial class FlatMinimaOptimizer
{
    private const long StateVersion = 1;
    private const string VersionName = "version", StepName = "step", SkippedName = "skipped", BaseName = "optimizer", MethodName = "algorithm";
    private const string ReceivedName = "received", NamesName = "names";

    /// <summary>
    /// Everything by which the next steps depend on the earlier ones, beside the model's parameters and buffers: the base optimizer's
    /// state and options (momentum, moments, counts, learning rates), <see cref="StepCount"/>, which drives the noise and sigma's
    /// schedule, <see cref="SkippedSteps"/>, the method's memory, the running estimates of the curvature, and the memory of the hooks
    /// (<see cref="IStatefulHook"/>). A run that loads it,
    /// and the model's own state, goes on bit for bit.
    /// </summary>
    /// <returns>
    /// New tensors by name, with a version, in the current dispose scope; ready for <c>Safetensors.Write</c>. The noise stream and the
    /// options of the method are not in it: make the optimizer of the resumed run alike. Nor is the state of torch's random generator,
    /// which belongs to the process, or that of a TorchSharp scheduler, which is a function of the number of steps.
    /// </returns>
    /// <exception cref="NotSupportedException">The base optimizer is not TorchSharp's and keeps something that cannot be saved.</exception>
    public IReadOnlyDictionary<string, Tensor> StateDict()
    {
        Follow();
        var state = new Dictionary<string, Tensor>
        {
            [VersionName] = tensor(StateVersion),
            [StepName] = tensor(StepCount),
            [SkippedName] = tensor(SkippedSteps),
            [BaseName] = TextTensor(_base.GetType().Name),
            [MethodName] = TextTensor(Method.Name),
            [ReceivedName] = tensor(Enumerable.Range(0, Space.Parameters.Count).Select(Space.HasReceivedGradient).ToArray()),
        };
        BaseOptimizerState.Save(_base, state);
        _trained.State.Save(state);
        Curvature.Save(state);
        for (int i = 0; i < Hooks.Count; i++)
        {
            if (Hooks[i] is not IStatefulHook hook)
                continue;
            var own = new Dictionary<string, Tensor>();
            hook.Save(own);
            foreach (var (name, value) in own)
                state[HookPrefix(i) + name] = value;
        }
        // What is not in the list was not there when the state was saved; what is in it and not in the state has been lost.
        state[NamesName] = TextTensor(string.Join('\n', state.Keys));
        return state;
    }

    /// <summary>Takes over what <see cref="StateDict"/> gave, by copying. Add parameter groups and hooks before.</summary>
    /// <param name="state">The named tensors, for example those of a safetensors file.</param>
    /// <exception cref="ArgumentException">
    /// The state is incomplete, of another version, base optimizer, method, other hooks or parameters; the message says which, and nothing
    /// has changed.
    /// </exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Follow();
        using var scope = NewDisposeScope();
        Tensor Entry(string name) => state.TryGetValue(name, out Tensor? value)
            ? value
            : throw new ArgumentException($"the saved state lacks {name}: it is not an optimizer's whole state", nameof(state));

        long version = Entry(VersionName).ToInt64();
        if (version != StateVersion)
            throw new ArgumentException($"the saved state has version {version}; this version of Polder reads {StateVersion}", nameof(state));
        if (TextOf(Entry(BaseName)) is var baseName && baseName != _base.GetType().Name)
            throw new ArgumentException($"the saved state is of the base optimizer {baseName}; this optimizer has {_base.GetType().Name}", nameof(state));
        if (TextOf(Entry(MethodName)) is var method && method != Method.Name)
            throw new ArgumentException($"the saved state is of the method {method}; this optimizer has {Method.Name}", nameof(state));
        bool[] received = [.. Entry(ReceivedName).data<bool>()];
        if (received.Length != Space.Parameters.Count)
            throw new ArgumentException(
                $"the saved state is of {received.Length} trainable parameters; the optimizer has {Space.Parameters.Count}", nameof(state));
        // States of version 0.1.0 have no list.
        if (state.TryGetValue(NamesName, out Tensor? names))
            foreach (string name in TextOf(names).Split('\n'))
                _ = Entry(name);
        long step = Entry(StepName).ToInt64(), skipped = Entry(SkippedName).ToInt64();
        BaseOptimizerState.Check(_base, state);
        _trained.State.Check(state);
        LoadHooks(state);

        BaseOptimizerState.Load(_base, state);
        _trained.State.Load(state);
        Curvature.Load(state);
        Space.SetReceivedGradient(received);
        (StepCount, SkippedSteps) = (step, skipped);
    }

    private void LoadHooks(IReadOnlyDictionary<string, Tensor> state)
    {
        string? unknown = state.Keys.FirstOrDefault(key => key.StartsWith("hook.", StringComparison.Ordinal)
            && !Enumerable.Range(0, Hooks.Count).Any(i => Hooks[i] is IStatefulHook && key.StartsWith(HookPrefix(i), StringComparison.Ordinal)));
        if (unknown is not null)
            throw new ArgumentException(
                $"the optimizer has no hook for {unknown} of the saved state: add the same hooks in the same order before loading", nameof(state));
        var earlier = new List<(IStatefulHook Hook, Dictionary<string, Tensor> State)>();
        try
        {
            for (int i = 0; i < Hooks.Count; i++)
            {
                if (Hooks[i] is not IStatefulHook hook)
                    continue;
                var own = new Dictionary<string, Tensor>();
                hook.Save(own);
                var mine = state.Where(e => e.Key.StartsWith(HookPrefix(i), StringComparison.Ordinal));
                hook.Load(Space, mine.ToDictionary(e => e.Key[HookPrefix(i).Length..], e => e.Value));
                earlier.Add((hook, own));
            }
        }
        catch
        {
            foreach (var (hook, own) in earlier)
                hook.Load(Space, own);
            throw;
        }
    }

    private static string HookPrefix(int index) => $"hook.{index}.";

    // Tensors are all that a state has; names travel as their bytes.
    private static Tensor TextTensor(string text) => tensor(Encoding.UTF8.GetBytes(text));

    private static string TextOf(Tensor tensor) => Encoding.UTF8.GetString(tensor.contiguous().bytes);
}
