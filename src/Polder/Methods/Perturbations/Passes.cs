namespace Polder.Methods;

/// <summary>How much of the mini-batch each point of a step sees.</summary>
public enum Passes
{
    /// <summary>Every point sees all of it: a step of k pairs costs 2k passes over the batch. The default.</summary>
    Full,

    /// <summary>
    /// The batch is cut in 2k parts, as equal as its size allows, and each point sees its own part: a step costs one pass over the batch.
    /// The optimizer must be able to evaluate parts: <c>Step(rows, range => loss)</c>. A batch of fewer than 2k rows is not cut.
    /// </summary>
    Split,
}
