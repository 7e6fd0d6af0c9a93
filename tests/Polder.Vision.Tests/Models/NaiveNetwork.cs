using static TorchSharp.torch;

namespace Polder.Vision.Tests.Models;

/// <summary>Residual networks in evaluation mode written a second time: loops over arrays of doubles, driven by the names in a state dict alone.</summary>
internal sealed class NaiveNetwork(nn.Module model)
{
    private readonly Dictionary<string, (double[] Values, int[] Shape)> _state = model.state_dict().ToDictionary(
        p => p.Key, p => (p.Value.to(ScalarType.Float64).flatten().data<double>().ToArray(), p.Value.shape.Select(s => (int)s).ToArray()));

    public double[] Cifar(double[,,] image) => Head(
        _state.ContainsKey("linear.weight") ? "linear" : "fc", Stages(Rectified(Norm("bn1", Convolution("conv1", image, 1, 1))), 3));

    public double[] ImageNet(double[,,] image) => Head("fc", Stages(MaxPool(Rectified(Norm("bn1", Convolution("conv1", image, 2, 3)))), 4));

    private double[,,] Stages(double[,,] x, int stages)
    {
        for (int stage = 1; stage <= stages; stage++)
        {
            for (int block = 0; _state.ContainsKey($"layer{stage}.{block}.conv1.weight"); block++)
                x = Block($"layer{stage}.{block}", x, stage > 1 && block == 0 ? 2 : 1);
        }

        return x;
    }

    private double[,,] Block(string name, double[,,] x, int stride)
    {
        double[,,] branch;
        if (_state.ContainsKey($"{name}.conv3.weight"))
        {
            branch = Rectified(Norm($"{name}.bn1", Convolution($"{name}.conv1", x, 1, 0)));
            branch = Rectified(Norm($"{name}.bn2", Convolution($"{name}.conv2", branch, stride, 1)));
            branch = Norm($"{name}.bn3", Convolution($"{name}.conv3", branch, 1, 0));
        }
        else
        {
            branch = Rectified(Norm($"{name}.bn1", Convolution($"{name}.conv1", x, stride, 1)));
            branch = Norm($"{name}.bn2", Convolution($"{name}.conv2", branch, 1, 1));
        }

        double[,,] shortcut = x;
        if (_state.ContainsKey($"{name}.downsample.0.weight"))
            shortcut = Norm($"{name}.downsample.1", Convolution($"{name}.downsample.0", x, stride, 0));
        int before = (branch.GetLength(0) - shortcut.GetLength(0)) / 2;
        return Map(branch, (c, i, j) =>
        {
            int from = c - before;
            int step = shortcut.GetLength(1) / branch.GetLength(1);
            double added = from < 0 || from >= shortcut.GetLength(0) ? 0 : shortcut[from, i * step, j * step];
            return Math.Max(0, branch[c, i, j] + added);
        });
    }

    private double[,,] Convolution(string name, double[,,] x, int stride, int padding)
    {
        (double[] w, int[] shape) = _state[$"{name}.weight"];
        (int outputs, int perGroup, int kernel) = (shape[0], shape[1], shape[2]);
        int groups = x.GetLength(0) / perGroup, height = x.GetLength(1), width = x.GetLength(2);
        var y = new double[outputs, (height + 2 * padding - kernel) / stride + 1, (width + 2 * padding - kernel) / stride + 1];
        return Map(y, (o, i, j) =>
        {
            double sum = 0;
            int first = o / (outputs / groups) * perGroup;
            for (int c = 0; c < perGroup; c++)
            {
                for (int u = 0; u < kernel; u++)
                {
                    for (int v = 0; v < kernel; v++)
                    {
                        int row = i * stride - padding + u, column = j * stride - padding + v;
                        if (row >= 0 && row < height && column >= 0 && column < width)
                            sum += w[((o * perGroup + c) * kernel + u) * kernel + v] * x[first + c, row, column];
                    }
                }
            }

            return sum;
        });
    }

    private double[,,] Norm(string name, double[,,] x)
    {
        double[] weight = _state[$"{name}.weight"].Values, bias = _state[$"{name}.bias"].Values;
        double[] mean = _state[$"{name}.running_mean"].Values, variance = _state[$"{name}.running_var"].Values;
        return Map(x, (c, i, j) => (x[c, i, j] - mean[c]) / Math.Sqrt(variance[c] + 1e-5) * weight[c] + bias[c]);
    }

    private static double[,,] Rectified(double[,,] x) => Map(x, (c, i, j) => Math.Max(0, x[c, i, j]));

    private static double[,,] MaxPool(double[,,] x)
    {
        int height = x.GetLength(1), width = x.GetLength(2);
        return Map(new double[x.GetLength(0), (height - 1) / 2 + 1, (width - 1) / 2 + 1], (c, i, j) =>
        {
            double largest = double.NegativeInfinity;
            for (int row = Math.Max(0, 2 * i - 1); row <= Math.Min(height - 1, 2 * i + 1); row++)
                for (int column = Math.Max(0, 2 * j - 1); column <= Math.Min(width - 1, 2 * j + 1); column++)
                    largest = Math.Max(largest, x[c, row, column]);
            return largest;
        });
    }

    private double[] Head(string name, double[,,] x)
    {
        double[] weight = _state[$"{name}.weight"].Values, bias = _state[$"{name}.bias"].Values;
        int channels = x.GetLength(0), area = x.GetLength(1) * x.GetLength(2);
        double[] logits = [.. bias];
        for (int k = 0; k < logits.Length; k++)
            for (int c = 0; c < channels; c++)
                for (int i = 0; i < x.GetLength(1); i++)
                    for (int j = 0; j < x.GetLength(2); j++)
                        logits[k] += weight[k * channels + c] * x[c, i, j] / area;
        return logits;
    }

    private static double[,,] Map(double[,,] shape, Func<int, int, int, double> value)
    {
        var result = new double[shape.GetLength(0), shape.GetLength(1), shape.GetLength(2)];
        for (int c = 0; c < result.GetLength(0); c++)
            for (int i = 0; i < result.GetLength(1); i++)
                for (int j = 0; j < result.GetLength(2); j++)
                    result[c, i, j] = value(c, i, j);
        return result;
    }
}
