namespace Polder.Methods;

/// <summary>Whether the points of a step see one mini-batch.</summary>
public enum StepBatches
{
    /// <summary>All points see the same mini-batch. The default.</summary>
    Same,

    /// <summary>
    /// The perturbed point sees a second one, so that a step sees twice the images: <c>Step(loss, lossOfAnotherBatch)</c>; the trainer does so.
    /// </summary>
    Two,
}
