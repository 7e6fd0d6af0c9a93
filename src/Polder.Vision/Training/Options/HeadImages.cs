namespace Polder.Vision.Training;

/// <summary>Which images a fitted head is kept of (<see cref="HeadSolver"/>).</summary>
public enum HeadImages
{
    /// <summary>Of the training images: what the validation images say of it is true of it.</summary>
    Training,

    /// <summary>
    /// Of the training and validation images: once the validation images have chosen the penalty and told the accuracy, the head is fitted again on all of
    /// them, with that penalty. The validation figures are those of the first fit. The kept head has seen more images, and the test images are as new to it.
    /// Where epochs come after it, they begin from the first fit, and the second comes at the end, if none of them was better.
    /// </summary>
    All,
}
