namespace Polder.Vision.Training;

/// <summary>
/// What is frozen at a step: the body always (a linear probe), never, or in the first epochs, which warm a new head up before its gradients
/// reach the body; and what the options name, always.
/// </summary>
internal sealed class HeadPhase
{
    private readonly ImageClassifier _model;
    private readonly long _steps;
    private readonly IReadOnlyList<string> _patterns;

    /// <summary>Prepares a training.</summary>
    /// <param name="options">What it does.</param>
    /// <param name="model">The network.</param>
    /// <param name="images">The number of training images.</param>
    public HeadPhase(TrainingOptions options, ImageClassifier model, int images)
    {
        (_model, _patterns) = (model, options.Freeze);
        _steps = options.FreezeBody ? long.MaxValue : options.HeadStepsOver(images);
        Freeze(_steps > 0);
    }

    /// <summary>Whether the body is frozen as it stands.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Before a step: thaws the body where the phase is over.</summary>
    /// <param name="step">The step, from 0.</param>
    public void Before(long step)
    {
        if (!IsFrozen || step < _steps)
            return;
        Freeze(false);
        SetMode();
    }

    /// <summary>Goes on where a training was after so many steps: at the end of the phase the body is still frozen, until the next step thaws it.</summary>
    /// <param name="steps">The steps that are done.</param>
    public void Resume(long steps) => Freeze(steps <= _steps && _steps > 0);

    /// <summary>Frozen features are those of the evaluation: BatchNorm with its stored statistics, no dropout.</summary>
    public void SetMode()
    {
        _model.train(!IsFrozen);
        foreach (BatchNorm norm in _model.modules().OfType<BatchNorm>().Where(Keeps))
            norm.eval();
    }

    /// <summary>Whether a layer keeps the statistics that its features were made with.</summary>
    public bool Keeps(BatchNorm norm) => IsFrozen || norm.weight is { requires_grad: false };

    /// <summary>Freezes what the options say of a whole training.</summary>
    /// <exception cref="ArgumentException">A pattern matches nothing, or nothing is left to train.</exception>
    public static void Apply(TrainingOptions options, ImageClassifier model)
    {
        model.FreezeBody(options.FreezeBody);
        model.Freeze(options.Freeze);
    }

    private void Freeze(bool frozen)
    {
        _model.FreezeBody(frozen);
        _model.Freeze(_patterns);
        IsFrozen = frozen;
    }
}
