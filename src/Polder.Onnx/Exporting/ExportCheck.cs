namespace Polder.Onnx.Exporting;

/// <summary>Reads an exported file back: its parameters against the network's, and the logits that it gives against the network's.</summary>
internal static class ExportCheck
{
    // Far above what rounding does, far below what a wrong layer does.
    private const double MostError = 1e-3, MostHalfError = 0.1;

    /// <summary>How many tensors of the network the file holds bit for bit, where it should hold them; 0 where they were folded or rounded.</summary>
    /// <exception cref="OnnxException">One is missing or another.</exception>
    public static int Parameters(OnnxFile file, ImageClassifier network, ExportOptions options)
    {
        if (options.Fold || options.Half)
            return 0;
        int equal = 0;
        IReadOnlyDictionary<string, OnnxTensor> constants = file.Model.Graph.Constants;
        IEnumerable<(string, Tensor)> expected = network is OnnxClassifier imported ? imported.Written.Select(w => (w.Key, w.Value()))
            : network.state_dict().Where(e => !e.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal)).Select(e => (e.Key, e.Value));
        foreach ((string name, Tensor value) in expected)
        {
            using Tensor flat = value.detach().cpu().contiguous();
            if ((constants.GetValueOrDefault(name) ?? constants.GetValueOrDefault(name + GraphBuilder.BodyEnding)) is not { } written
                || !written.Shape.SequenceEqual(value.shape)
                || !written.Data.Span.SequenceEqual(flat.bytes))
                throw new OnnxException(file.Path, $"'{name}' is not in the file as it is in the network: this is a defect of Polder");
            equal++;
        }
        return equal;
    }

    /// <summary>The largest difference of logits over the largest logit of the network, for an image of random pixels.</summary>
    /// <exception cref="OnnxException">The network's logits are no numbers, or the file's are others.</exception>
    public static double Logits(OnnxFile file, TrainedClassifier classifier, ExportOptions options)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        var pixels = new byte[classifier.Network.Channels * classifier.ImageSize * classifier.ImageSize];
        new Random(1).NextBytes(pixels);
        // What is in memory before the network is N x height x width x channels.
        Tensor bytes = tensor(pixels, [1, classifier.ImageSize, classifier.ImageSize, classifier.Network.Channels]);
        Tensor scaled = bytes.permute(0, 3, 1, 2).to(ScalarType.Float32).div(Number(255)).contiguous();
        Tensor normalized = scaled.sub(Channels(classifier.Normalization.Mean)).div(Channels(classifier.Normalization.StandardDeviation));
        Tensor expected = classifier.Network.call(normalized);
        Tensor input = options.Input switch
        {
            ImageInput.Normalized => normalized,
            ImageInput.Pixels01 => scaled,
            ImageInput.Pixels255 => scaled.mul(Number(255)),
            _ => bytes,
        };
        Tensor found = GraphEvaluator.Run(file, input, long.MaxValue)["logits"];
        double error = (found - expected).abs().max().ToDouble() / expected.abs().max().ToDouble();
        double most = options.Half ? MostHalfError : MostError;
        return error <= most ? error : throw new OnnxException(file.Path,
            !double.IsFinite(expected.sum().ToDouble()) ? "is not written: the network's logits are no numbers, so its weights are not finite"
            : options.Half ? $"is not written: in 16 bits its logits differ by {error:G2} of the largest, allowed: {most}; 32 bits hold them"
            : $"is not written: its logits differ by {error:G2} of the largest, allowed: {most}; this is a defect of Polder");

        static Tensor Channels(IReadOnlyList<float> values) => tensor([.. values]).view(1, -1, 1, 1);
    }
}
