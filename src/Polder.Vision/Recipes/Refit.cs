namespace Polder.Vision.Recipes;

/// <summary>Whether a fine-tuning trains once more when the validation images have said that its epochs are worth it.</summary>
public enum Refit
{
    /// <summary>It does not: what validation says is true of the weights that are kept.</summary>
    None,

    /// <summary>
    /// On the training and validation images together, from where the first training began, with its settings, its seed and all its epochs; the last
    /// epoch's weights are kept, since nothing is left to choose by. The validation figures stay those of the first training. Where no epoch was better than
    /// a fitted head there is nothing to do again, and the head is kept as <see cref="HeadImages"/> says.
    /// </summary>
    All,
}
