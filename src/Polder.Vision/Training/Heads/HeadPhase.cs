namespace Polder.Vision.Training;

/// <summary>
/// What is frozen at a step: the body always (a linear probe), never, or in the first epochs, which warm a new head up before its gradients
/// reach the body; and what the options name, always.
/// </summary>
internal sealed class HeadPhase
{
    private readonly ImageClassifier _model;
    private readonly int _fixedStages;
    private readonly IReadOnlyList<string> _patterns;

    /// <summary>Prepares a training.</summary>
    /// <param name="options">What it does.</param>
    /// <param name="model">The network.</param>
    /// <param name="images">The number of training images.</param>
    public HeadPhase(TrainingOptions options, ImageClassifier model, int images)
    {
        (_model, _patterns) = (model, options.Freeze);
        Steps = options.FreezeBody ? long.MaxValue : options.HeadStepsOver(images);
        Freeze(false);
        _fixedStages = model.Stages.TakeWhile(IsFixed).Count();
        Freeze(Steps > 0);
    }

    /// <summary>The steps before the body is thawed; the largest number there is where it never is.</summary>
    public long Steps { get; }

    /// <summary>Whether the body is frozen as it stands.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Before a step: thaws the body where the phase is over.</summary>
    /// <param name="step">The step, from 0.</param>
    public void Before(long step)
    {
        if (!IsFrozen || step < Steps)
            return;
        Freeze(false);
        SetMode();
    }

    /// <summary>Goes on where a training was after so many steps: at the end of the phase the body is still frozen, until the next step thaws it.</summary>
    /// <param name="steps">The steps that are done.</param>
    public void Resume(long steps) => Freeze(steps <= Steps && Steps > 0);

    /// <summary>How many of the network's first stages make the same of an image whatever is trained at a step.</summary>
    /// <param name="step">The step, from 0.</param>
    public int FixedStages(long step) => step < Steps ? _model.Stages.Count : _fixedStages;

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

    private bool IsFixed(BodyStage stage) => stage.Modules.All(module => module.parameters().All(p => !p.requires_grad)
        && module.modules().Prepend(module).OfType<BatchNorm>().All(norm => norm.track_running_stats && Keeps(norm)));

    private void Freeze(bool frozen)
    {
        _model.FreezeBody(frozen);
        _model.Freeze(_patterns);
        IsFrozen = frozen;
    }
}
