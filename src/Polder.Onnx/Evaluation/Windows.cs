namespace Polder.Onnx.Evaluation;

/// <summary>Operators that move a window over height and width: convolutions and pools, and averages of everything.</summary>
internal static class Windows
{
    // Beyond any network; what a hostile file says must not make libtorch's own arithmetic overflow.
    public const long Most = 4096;

    private const string NotSet = "NOTSET";

    public static readonly Dictionary<string, Operator> All = new()
    {
        ["Conv"] = Operator.Of(Convolution, "kernel_shape", "strides", "dilations", "group", "pads", "auto_pad"),
        ["MaxPool"] = Operator.Of(MaxPool, "kernel_shape", "strides", "dilations", "pads", "auto_pad", "ceil_mode", "storage_order"),
        ["AveragePool"] = Operator.Of(AveragePool, "kernel_shape", "strides", "dilations", "pads", "auto_pad", "ceil_mode", "count_include_pad"),
        ["GlobalAveragePool"] = Operator.Of(call => call.Input(0).mean(Spatial(call), keepdim: true)),
        ["GlobalMaxPool"] = Operator.Of(call => call.Input(0).amax(Spatial(call), keepdim: true)),
        ["LRN"] = Operator.Of(LocalResponse, "size", "alpha", "beta", "bias"),
    };

    /// <summary>How a window moves along each of the spatial dimensions.</summary>
    /// <param name="Kernel">Its size.</param>
    /// <param name="Strides">Its steps.</param>
    /// <param name="Dilations">The distance of its points.</param>
    /// <param name="Before">What is added before the input.</param>
    /// <param name="After">What is added behind it.</param>
    internal sealed record Window(long[] Kernel, long[] Strides, long[] Dilations, long[] Before, long[] After)
    {
        /// <summary>Whether both sides are alike, as libtorch takes them.</summary>
        public bool IsEven => Before.SequenceEqual(After);

        /// <summary>The input with what is added around it.</summary>
        public Tensor Pad(Tensor x, double value) =>
            nn.functional.pad(x, [.. Enumerable.Range(0, Kernel.Length).Reverse().SelectMany(i => new[] { Before[i], After[i] })], value: value);

        /// <summary>Sizes of the output.</summary>
        public IEnumerable<long> Sizes(Tensor x, bool ceiling = false) => Kernel.Select((k, i) =>
        {
            long begin = x.shape[2 + i] + Before[i], room = begin + After[i] - (Dilations[i] * (k - 1)) - 1;
            if (room < 0)
                return 0;
            // A window that would begin behind the input is none.
            long count = ((room + (ceiling ? Strides[i] - 1 : 0)) / Strides[i]) + 1;
            return ceiling && (count - 1) * Strides[i] >= begin ? count - 1 : count;
        });
    }

    /// <summary>What a node says of its window.</summary>
    /// <param name="call">The node.</param>
    /// <param name="kernel">The window's size.</param>
    internal static Window WindowOf(NodeCall call, long[] kernel)
    {
        int count = kernel.Length;
        Tensor x = call.Input(0, count + 2);
        long[] strides = call.Longs("strides", count, 1, 1, Most), dilations = call.Longs("dilations", count, 1, 1, Most);
        string automatic = call.Word("auto_pad", NotSet, "VALID", "SAME_UPPER", "SAME_LOWER");
        long[] pads = automatic == NotSet ? call.Longs("pads", 2 * count, 0, 0, Most) : new long[2 * count];
        for (int i = 0; i < count && automatic.StartsWith("SAME", StringComparison.Ordinal); i++)
        {
            long outputs = (x.shape[2 + i] + strides[i] - 1) / strides[i];
            long missing = Math.Max(0, ((outputs - 1) * strides[i]) + ((kernel[i] - 1) * dilations[i]) + 1 - x.shape[2 + i]);
            pads[i] = automatic == "SAME_LOWER" ? missing - (missing / 2) : missing / 2;
            pads[count + i] = missing - pads[i];
        }
        return new Window(kernel, strides, dilations, pads[..count], pads[count..]);
    }

    private static Tensor Convolution(NodeCall call)
    {
        Tensor x = call.Input(0), weight = call.Input(1, (int)x.dim());
        Tensor? bias = call.Optional(2);
        long group = call.Long("group", 1, 1, long.MaxValue);
        if (x.dim() is not (3 or 4 or 5) || x.shape[1] != weight.shape[1] * group || weight.shape[0] % group != 0 || x.numel() == 0 || weight.numel() == 0)
            throw call.Error($"{group} groups and weights [{string.Join(", ", weight.shape)}] for an input [{string.Join(", ", x.shape)}]");
        if (!call.Longs("kernel_shape", weight.shape.Length - 2, 0, 0, Most).Zip(weight.shape.Skip(2)).All(p => p.First == p.Second || p.First == 0))
            throw call.Error($"kernel_shape is not that of the weights [{string.Join(", ", weight.shape)}]");
        Window window = WindowOf(call, weight.shape[2..]);
        long[] sizes = [.. window.Sizes(x)];
        call.RequireSize([x.shape[0], weight.shape[0], .. sizes]);
        call.RequireWork((double)weight.numel() * x.shape[0] * sizes.Aggregate(1d, (a, b) => a * b));
        long[] pads = window.IsEven ? window.Before : new long[window.Before.Length];
        if (!window.IsEven)
            x = window.Pad(x, 0);
        return weight.dim() switch
        {
            3 => nn.functional.conv1d(x, weight, bias, window.Strides[0], pads[0], window.Dilations[0], group),
            4 => nn.functional.conv2d(x, weight, bias, window.Strides, pads, window.Dilations, group),
            _ => nn.functional.conv3d(x, weight, bias, window.Strides, pads, window.Dilations, group),
        };
    }

    private static Window PoolOf(NodeCall call)
    {
        Tensor x = call.Input(0);
        if (x.dim() is not (3 or 4) || x.numel() == 0)
            throw call.Error($"an input [{string.Join(", ", x.shape)}], allowed: 3 or 4 dimensions");
        Window window = WindowOf(call, call.Longs("kernel_shape", (int)x.dim() - 2, 0, 1, Most));
        call.RequireSize([x.shape[0], x.shape[1], .. window.Sizes(x, call.Is("ceil_mode"))]);
        return window;
    }

    // Pads of the whole room first: what libtorch can pad by itself is narrower.
    private static Tensor MaxPool(NodeCall call)
    {
        Window window = PoolOf(call);
        Tensor x = Flat(call.Input(0));
        long[] pads = window.Before;
        bool own = window.IsEven && pads.Zip(window.Kernel).All(p => p.First <= p.Second / 2);
        if (!own)
        {
            if (!x.is_floating_point())
                throw call.Error($"pads of an input of {x.dtype}, allowed: floats");
            (x, pads) = (Flat(window.Pad(call.Input(0), double.NegativeInfinity)), new long[pads.Length]);
        }
        long[] kernel = Plane(window.Kernel, 1), strides = Plane(window.Strides, 1);
        Tensor pooled = call.Is("ceil_mode") || Array.Exists(window.Dilations, d => d != 1)
            ? nn.functional.max_pool2d(x, kernel, strides, Plane(pads, 0), Plane(window.Dilations, 1), call.Is("ceil_mode"))
            : MaxPooling.Of(x, kernel, strides, Plane(pads, 0));
        return Cut(Unflat(pooled, call.Input(0)), window.Sizes(call.Input(0), call.Is("ceil_mode")));
    }

    private static Tensor AveragePool(NodeCall call)
    {
        Window window = PoolOf(call);
        if (Array.Exists(window.Dilations, d => d != 1))
            throw call.Error("dilations of an average, allowed: 1");
        Tensor x = call.Input(0);
        bool ceiling = call.Is("ceil_mode"), counted = call.Is("count_include_pad");
        long[] kernel = Plane(window.Kernel, 1), strides = Plane(window.Strides, 1);
        if (window.IsEven && window.Before.Zip(window.Kernel).All(p => p.First <= p.Second / 2) && !(ceiling && counted))
            return Unflat(nn.functional.avg_pool2d(Flat(x), kernel, strides, Plane(window.Before, 0), ceiling, counted), x);
        // The mean over the window, times its size over how much of it counts: of the input and, where it says so, of the pads.
        Tensor mean = nn.functional.avg_pool2d(Flat(Whole(window.Pad(x, 0))), kernel, strides, [0, 0], false, true);
        using IDisposable noGrad = no_grad();
        Tensor ones = ones_like(x[TensorIndex.Slice(0, 1), TensorIndex.Slice(0, 1)]);
        Tensor share = nn.functional.avg_pool2d(Flat(Whole(window.Pad(ones, counted ? 1 : 0))), kernel, strides, [0, 0], false, true);
        return Cut(Unflat(mean.div(share), x), window.Sizes(x, ceiling));

        // Windows that begin inside may end outside.
        Tensor Whole(Tensor padded)
        {
            if (!ceiling)
                return padded;
            long[] sizes = [.. window.Sizes(x, ceiling: true)];
            return nn.functional.pad(padded, [.. Enumerable.Range(0, sizes.Length).Reverse().SelectMany(i => new[]
                { 0, Math.Max(0, ((sizes[i] - 1) * window.Strides[i]) + window.Kernel[i] - padded.shape[2 + i]) })]);
        }
    }

    // The library knows of no pads where they are part of its input, and has windows that begin in those behind it.
    private static Tensor Cut(Tensor pooled, IEnumerable<long> sizes)
    {
        int dimension = 2;
        foreach (long size in sizes)
        {
            if (pooled.shape[dimension] > size)
                pooled = pooled.narrow(dimension, 0, size);
            dimension++;
        }
        return pooled;
    }

    // A row of pixels is a picture of height 1.
    private static Tensor Flat(Tensor x) => x.dim() == 3 ? x.unsqueeze(2) : x;

    private static Tensor Unflat(Tensor x, Tensor like) => like.dim() == 3 ? x.squeeze(2) : x;

    private static long[] Plane(long[] values, long first) => values.Length == 1 ? [first, values[0]] : values;

    private static long[] Spatial(NodeCall call) =>
        call.Input(0).dim() > 2 ? [.. Enumerable.Range(2, (int)call.Input(0).dim() - 2).Select(i => (long)i)] : throw call.Error("an input without a picture");

    // Alexnet's: every channel over the squares of its neighbours. The library's own pads the other side where the size is even.
    private static Tensor LocalResponse(NodeCall call)
    {
        Tensor x = call.Input(0, 4);
        long size = call.Long("size", 1, 1, Most);
        Tensor squares = nn.functional.pad(x.mul(x).unsqueeze(1), [0, 0, 0, 0, (size - 1) / 2, size / 2]);
        Tensor mean = nn.functional.avg_pool3d(squares, [size, 1, 1], [1, 1, 1]).squeeze(1);
        return x.div(mean.mul(Number(call.Float("alpha", 1e-4f))).add(Number(call.Float("bias", 1))).pow(Number(call.Float("beta", 0.75f))));
    }
}
