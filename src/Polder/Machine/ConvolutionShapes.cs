namespace Polder.Machine;

/// <summary>Finds the distinct convolutions of a model and what training asks of each.</summary>
internal static class ConvolutionShapes
{
    /// <summary>The distinct shapes in the model's order, each with the names of its layers.</summary>
    public static IReadOnlyList<(ConvolutionShape Shape, IReadOnlyList<string> Layers)> Of(nn.Module<Tensor, Tensor> model, ReadOnlySpan<long> inputShape)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (inputShape.Length != 4 || inputShape.ContainsAnyExceptInRange(1, long.MaxValue))
            throw new ArgumentException(
                $"the input shape is [{string.Join(", ", inputShape.ToArray())}], allowed: four sizes >= 1 (batch, channels, height, width)",
                nameof(inputShape));

        (string Name, Conv2d Layer)[] layers =
        [
            .. Modules(model).Where(m => m.Module is Conv2d { weight.dtype: ScalarType.Float32 }).Select(m => (m.Name, (Conv2d)m.Module)),
        ];
        if (layers.Length == 0)
            return [];
        HashSet<Conv2d> withoutInputGradient = FindThoseWithoutInputGradient(model, [.. layers.Select(l => l.Layer)], inputShape);
        var found = new List<(ConvolutionShape Shape, List<string> Layers)>();
        foreach ((string name, Conv2d layer) in layers)
        {
            ConvolutionShape shape = ShapeOf(layer, !withoutInputGradient.Contains(layer));
            int index = found.FindIndex(f => f.Shape == shape);
            if (index < 0)
                found.Add((shape, [name]));
            else
                found[index].Layers.Add(name);
        }
        return [.. found.Select(f => (f.Shape, (IReadOnlyList<string>)f.Layers))];
    }

    private static IEnumerable<(string Name, nn.Module Module)> Modules(nn.Module<Tensor, Tensor> model) =>
        new[] { (Name: "", Module: (nn.Module)model) }.Concat(model.named_modules().Select(m => (Name: m.name, Module: m.module)));

    private static ConvolutionShape ShapeOf(Conv2d layer, bool needsInputGradient)
    {
        (long, long) kernel = Pair(layer.kernel_size), dilation = Pair(layer.dilation);
        // A padding mode other than zeros pads before the convolution; "same" pads by half the kernel's reach.
        (long, long) padding = layer.padding_mode != PaddingModes.Zeros || layer.padding_type == TorchSharp.Padding.Valid ? (0, 0)
            : layer.padding_type == TorchSharp.Padding.Same ? (dilation.Item1 * (kernel.Item1 - 1) / 2, dilation.Item2 * (kernel.Item2 - 1) / 2)
            : Pair(layer.padding);
        return new ConvolutionShape
        {
            InChannels = layer.in_channels,
            OutChannels = layer.out_channels,
            Kernel = kernel,
            Stride = Pair(layer.stride),
            Padding = padding,
            Dilation = dilation,
            Groups = layer.groups,
            NeedsInputGradient = needsInputGradient,
        };
    }

    private static (long Height, long Width) Pair(long[]? sizes) => sizes switch
    {
        null or [] => (0, 0),
        [var both] => (both, both),
        _ => (sizes[0], sizes[1]),
    };

    // A layer whose input carries no gradient is the first one, or lies behind frozen ones. A model that calls a layer in a way that
    // passes its hooks by leaves the layer unseen: then the gradient is checked, which is at worst one check too many.
    private static HashSet<Conv2d> FindThoseWithoutInputGradient(nn.Module<Tensor, Tensor> model, IReadOnlyList<Conv2d> layers, ReadOnlySpan<long> inputShape)
    {
        var without = new HashSet<Conv2d>(ReferenceEqualityComparer.Instance);
        var with = new HashSet<Conv2d>(ReferenceEqualityComparer.Instance);
        var removals = new List<Action>();
        (nn.Module Module, bool Training)[] modes = [.. Modules(model).Select(m => (m.Module, m.Module.training))];
        try
        {
            foreach (Conv2d layer in layers)
            {
                removals.Add(layer.register_forward_pre_hook((_, input) =>
                {
                    (input.requires_grad ? with : without).Add(layer);
                    return input;
                }).remove);
            }
            model.eval(); // running statistics and dropout stay out of it
            using DisposeScope scope = NewDisposeScope();
            using IDisposable mode = enable_grad();
            model.call(zeros([1, inputShape[1], inputShape[2], inputShape[3]], device: layers[0].weight.device));
        }
        finally
        {
            foreach (Action remove in removals)
                remove();
            // Parents first: train() reaches all children, which then get their own mode back.
            foreach ((nn.Module module, bool training) in modes)
                module.train(training);
        }
        without.ExceptWith(with);
        return without;
    }
}
