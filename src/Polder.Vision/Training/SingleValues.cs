namespace Polder.Vision.Training;

/// <summary>
/// BatchNorm over a single value, one image at one pixel: its variance is not a number and stays in the running variance for good. So a last batch
/// of one image joins the batch before it (<see cref="Data.LoaderOptions.JoinLone"/>), and where a network has such layers the parts of a batch have
/// two images.
/// </summary>
internal static class SingleValues
{
    /// <summary>Whether a BatchNorm layer of a network sees one value a channel of an image.</summary>
    public static bool AreSeenBy(ImageClassifier model, int channels, int height, int width)
    {
        bool found = false;
        bool training = model.training;
        Action[] removals =
        [
            .. model.modules().OfType<BatchNorm>().Select(norm => (Action)norm.register_forward_pre_hook((_, input) =>
            {
                found |= input.numel() == input.shape[1];
                return input;
            }).remove),
        ];
        try
        {
            model.eval();
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            if (removals.Length > 0)
                model.call(zeros(1, channels, height, width));
        }
        finally
        {
            foreach (Action remove in removals)
                remove();
            model.train(training);
        }
        return found;
    }

    /// <summary>The cause in words where statistics are not finite while the weights are; null where it is another.</summary>
    public static string? Poison(ImageClassifier model) =>
        model.parameters().All(Finite) && model.modules().OfType<BatchNorm>().Any(norm => norm.running_var is { } variance && !Finite(variance))
            ? "a BatchNorm layer saw a single value, of one image at one pixel, "
                + "whose variance is not a number: take batches of 2 images or more, or larger images"
            : null;

    private static bool Finite(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().isfinite().all().item<bool>();
    }
}
