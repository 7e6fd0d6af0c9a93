namespace Polder.Vision.Training;

/// <summary>How a head is found before the first step.</summary>
public enum HeadSolver
{
    /// <summary>Not at all: the training begins with the head as it is.</summary>
    None,

    /// <summary>
    /// As multinomial logistic regression with an L2 penalty on the features that the body makes of the training images, by L-BFGS in double
    /// precision. The images are as they are, without augmentation; class weights, label smoothing and balanced sampling are the training's. Where no
    /// epoch after it is better, the fitted head is kept.
    /// </summary>
    Lbfgs,
}

/// <summary>A fitted head. Its penalty is <c>l2 / 2</c> times the squared weights, without the biases, of features that are centered and divided by
/// their root mean square over all of them: so one strength means the same for every network.</summary>
/// <param name="L2">The strength of the penalty.</param>
/// <param name="Loss">The training loss of it, the penalty included.</param>
/// <param name="Gradient">The largest element of its gradient, by magnitude: 0 at the minimum.</param>
/// <param name="Evaluations">Passes over the features, those for other strengths included.</param>
public sealed record HeadFit(double L2, double Loss, double Gradient, int Evaluations)
{
    /// <summary>The images that it was fitted on.</summary>
    public int Images { get; init; }
}
