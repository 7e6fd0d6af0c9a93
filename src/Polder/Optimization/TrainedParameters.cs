namespace Polder.Optimization;

/// <summary>The trainable parameters of a base optimizer as a vector space, and everything as large as they are that lives from step to step.</summary>
internal sealed class TrainedParameters : IDisposable
{
    private readonly OptimizerHelper _base;
    private readonly nn.Module? _model;
    private readonly NoiseStream _noise;
    private readonly bool _guarded;
    private bool _disposed;

    /// <summary>Takes the parameters as they stand.</summary>
    /// <param name="base">The base optimizer.</param>
    /// <param name="model">The model that they must be parameters of; null for any.</param>
    /// <param name="noise">The noise, which must be as long as they are.</param>
    /// <param name="guarded">Whether a copy of W is kept over every step, since the method may move the weights by other ways than probes.</param>
    public TrainedParameters(OptimizerHelper @base, nn.Module? model, NoiseStream noise, bool guarded)
    {
        (_base, _model, _noise, _guarded) = (@base, model, noise, guarded);
        Space = MakeSpace();
        Gradient = Space.CreateVector();
        State = new MethodState(Space);
        Pairs = new PairCurvature(Space);
    }

    /// <summary>The parameters.</summary>
    public ParameterSpace Space { get; private set; }

    /// <summary>The gradient that the base optimizer sees.</summary>
    public ParameterVector Gradient { get; private set; }

    /// <summary>What the method remembers.</summary>
    public MethodState State { get; }

    /// <summary>What a step's pairs show of the curvature.</summary>
    public PairCurvature Pairs { get; private set; }

    /// <summary>W over a step, where the parameters are guarded.</summary>
    public ParameterVector? Centre { get; private set; }

    /// <summary>Goes over to the parameters that are trainable now, where others have been added, frozen or unfrozen.</summary>
    /// <returns>Whether they have.</returns>
    public bool Follow()
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(FlatMinimaOptimizer));
        if (Space.IsSpaceOf(_base.parameters()))
            return false;
        ParameterSpace space = MakeSpace();
        space.Inherit(Space);
        Gradient.Dispose();
        Centre?.Dispose();
        Centre = null;
        Space = space;
        Gradient = space.CreateVector();
        Pairs = new PairCurvature(space);
        State.Follow(space);
        return true;
    }

    /// <summary>Starts a step: keeps W, and forgets the gradient of the step before, where the method is not one of the library's.</summary>
    public void Begin()
    {
        if (!_guarded)
            return;
        Space.Save(Centre ??= Space.CreateVector());
        Gradient.Zero();
    }

    /// <summary>Ends what the method does: the parameters are at W.</summary>
    public void End()
    {
        if (_guarded)
            Space.Restore(Centre!);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        Gradient.Dispose();
        Centre?.Dispose();
        State.Dispose();
    }

    private ParameterSpace MakeSpace()
    {
        ParameterSpace space = ParameterSpace.Of(_base.parameters());
        RequireParametersOf(_model, space);
        space.RequireLength(_noise);
        return space;
    }

    // An optimizer of another model, or of the same model before it was converted or its head replaced, would train what nobody uses.
    private static void RequireParametersOf(nn.Module? model, ParameterSpace space)
    {
        if (model is null)
            return;
        HashSet<IntPtr> own = [.. model.parameters().Select(p => p.Handle)];
        Parameter[] foreign = [.. space.Parameters.Where(p => !own.Contains(p.Handle))];
        if (foreign.Length > 0)
        {
            throw new ArgumentException(
                $"the base optimizer has {foreign.Length} of its {space.Parameters.Count} trainable parameters from somewhere else than the model "
                + $"(the first has shape [{string.Join(", ", foreign[0].shape)}]): "
                + "make it from model.parameters(), after the model's last change", nameof(model));
        }
    }
}
