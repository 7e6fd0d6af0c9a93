namespace Polder.Vision.Models;

/// <summary>One layer of a network, as learning rates by depth count them.</summary>
/// <param name="Name">Its name: <c>conv1</c>, <c>layer2.0</c>, <c>fc</c>.</param>
/// <param name="Height">How many layers are above it: 0 for the head.</param>
/// <param name="Parameters">Its parameters, in the module's order.</param>
public sealed record LayerGroup(string Name, int Height, IReadOnlyList<Parameter> Parameters);

/// <summary>
/// The layers of a classifier by depth, for learning rates that fall towards the input (discriminative fine-tuning, Howard and Ruder 2018): the
/// stem, every residual block and the head are a layer each; elsewhere a convolution and the normalization after it are.
/// </summary>
public static class LayerGroups
{
    /// <summary>Cuts a network into its layers.</summary>
    /// <param name="model">The network; make optimizers after its last change (<see cref="ImageClassifier.ReplaceHead"/>).</param>
    /// <returns>
    /// From the input to the head, so that their parameters one after another are the module's in its own order: an optimizer of such groups
    /// numbers the parameters, and with them the noise, as one without groups does.
    /// </returns>
    public static IReadOnlyList<LayerGroup> Of(ImageClassifier model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var layers = new List<(string Key, string Name, List<Parameter> Parameters)>();
        foreach (var (name, parameter) in model.named_parameters())
        {
            (string key, string layer) = model.LayerOf(name);
            if (layers.Count == 0 || layers[^1].Key != key)
                layers.Add((key, layer, []));
            layers[^1].Parameters.Add(parameter);
        }
        return [.. layers.Select((layer, i) => new LayerGroup(layer.Name, layers.Count - 1 - i, layer.Parameters))];
    }
}
