namespace Polder.Vision.Training;

/// <summary>How the learning rate runs over the steps of a training.</summary>
public enum LearningRateSchedule
{
    /// <summary>The same at every step.</summary>
    Constant,

    /// <summary>Half a cosine from the learning rate to zero, moved at every step. The default.</summary>
    Cosine,

    /// <summary>A tenth after each third of the steps: 30 epochs in steps of 10.</summary>
    Step,

    /// <summary>
    /// One cycle (Smith and Topin 2018): over the first 30 % of the steps half a cosine up from a twenty-fifth of the learning rate, then half a
    /// cosine down to zero. It is its own warm-up.
    /// </summary>
    OneCycle,
}
