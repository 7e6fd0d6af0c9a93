using Polder.Vision.Models;

namespace Polder.Vision.Training;

/// <summary>
/// Whether the body is frozen at a step: always (a linear probe), never, or in the first epochs, which warm a new head up before its gradients
/// reach the body.
/// </summary>
internal sealed class HeadPhase
{
    private readonly ImageClassifier _model;
    private readonly long _steps;

    /// <summary>Prepares a training.</summary>
    /// <param name="options">What it does.</param>
    /// <param name="model">The network.</param>
    /// <param name="stepsPerEpoch">The steps of a whole epoch.</param>
    public HeadPhase(TrainingOptions options, ImageClassifier model, int stepsPerEpoch)
    {
        _model = model;
        _steps = options.FreezeBody ? long.MaxValue : (long)options.HeadEpochs * stepsPerEpoch;
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
    public void SetMode() => _model.train(!IsFrozen);

    private void Freeze(bool frozen)
    {
        _model.FreezeBody(frozen);
        IsFrozen = frozen;
    }
}
