namespace Polder.Vision.Models.Weights;

/// <summary>
/// Pre-trained weights that come with a NuGet package: ImageNet's, of the network in Microsoft.ML.DnnImageFeaturizer.ResNet18 (MIT). A project has
/// them by one line (<see cref="ProjectLine"/>); nothing is downloaded at run time.
/// </summary>
public static class PackagedWeights
{
    /// <summary>What the user calls them: the name of their architecture.</summary>
    public const string Name = "imagenet-resnet18";

    /// <summary>Where they come from, and under which licence.</summary>
    public const string Origin = $"the network of the NuGet package {Package} {Version}, pre-trained on ImageNet, MIT licence";

    /// <summary>What a project file needs so that <see cref="File"/> is there.</summary>
    public const string ProjectLine = $"<PackageDownload Include=\"{Package}\" Version=\"[{Version}]\" />";

    private const string Package = "Microsoft.ML.DnnImageFeaturizer.ResNet18", Version = "0.23.1";

    // BatchNorm's: scale, shift, mean, variance, in the order of ONNX's inputs.
    private static readonly string[] NormParts = ["weight", "bias", "running_mean", "running_var"];

    /// <summary>The file: where the build puts it, beside the program.</summary>
    public static string File { get; } = Path.Combine(AppContext.BaseDirectory, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");

    /// <summary>Whether they are here.</summary>
    public static bool AreHere => System.IO.File.Exists(File);

    /// <summary>The file.</summary>
    /// <exception cref="SettingException">It is not here: the project lacks the package.</exception>
    internal static string Located => AreHere ? File : throw new SettingException("weights", $"{Name}, whose package this program was built without",
        $"a file or published weights, or a project with the line {ProjectLine}");

    /// <summary>
    /// Reads them under the names of <see cref="ResNet"/>, made for inputs as every network here has them: RGB with ImageNet's mean and standard
    /// deviation. They were trained on BGR from 0 to 255 less a mean image, so the first convolution takes its channels in the other order, each
    /// times 255 standard deviations; the mean image becomes its mean.
    /// </summary>
    /// <returns>The weights without a head; the caller owns them.</returns>
    /// <exception cref="SettingException">They are not here.</exception>
    /// <exception cref="CheckpointException">The file is damaged or another.</exception>
    public static Checkpoint Open() => Read(Located);

    internal static Checkpoint Read(string path)
    {
        using OnnxFile file = OnnxFile.Open(path);
        OnnxGraph graph = file.Model.Graph;
        var tensors = new Dictionary<string, Tensor>();
        try
        {
            // Both kinds follow one another in the graph's order; which of two branches comes first plays no part.
            Queue<string> body = new(Convolutions(projections: false)), shortcuts = new(Convolutions(projections: true));
            foreach (OnnxNode node in graph.Nodes.Where(n => n.Operator == "Conv"))
            {
                OnnxTensor weight = Constant(node, 1);
                string? name = (weight.Shape is [_, _, 1, 1] ? shortcuts : body).TryDequeue(out string? next) ? next : null;
                OnnxNode? norm = graph.Nodes.FirstOrDefault(n => n.Operator == "BatchNormalization" && n.Inputs.Count == 5 && n.Inputs[0] == node.Outputs[0]);
                if (name is null || norm is null)
                    throw new CheckpointException(path, $"is not the network of {Package} {Version}: {node} has no place in it");
                tensors.Add($"{name}.weight", weight.ToTensor());
                for (int part = 0; part < NormParts.Length; part++)
                    tensors.Add($"{NormOf(name)}.{NormParts[part]}", Constant(norm, part + 1).ToTensor());
            }
            if (body.Concat(shortcuts).FirstOrDefault() is { } missing)
                throw new CheckpointException(path, $"is not the network of {Package} {Version}: it has no {missing}");
            using Tensor stem = tensors["conv1.weight"];
            using Tensor scale = tensor(Normalization.ImageNet.StandardDeviation.Select(s => s * 255).ToArray()).view(1, 3, 1, 1);
            using Tensor flipped = stem.flip(1);
            tensors["conv1.weight"] = flipped * scale;
            return Checkpoint.Of(path, "ONNX", tensors, new Dictionary<string, string> { ["origin"] = Origin });
        }
        catch
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }

        OnnxTensor Constant(OnnxNode node, int input) => node.Inputs.Count > input && graph.Constants.TryGetValue(node.Inputs[input], out OnnxTensor? constant)
            ? constant : throw new CheckpointException(path, $"is not the network of {Package} {Version}: {node} has no constant input {input}");
    }

    private static IEnumerable<string> Convolutions(bool projections)
    {
        if (!projections)
            yield return "conv1";
        for (int stage = 1; stage <= 4; stage++)
        {
            if (projections && stage > 1)
                yield return $"layer{stage}.0.downsample.0";
            for (int block = 0; block < ResNet.ImageNetShape.Blocks[stage - 1] && !projections; block++)
            {
                yield return $"layer{stage}.{block}.conv1";
                yield return $"layer{stage}.{block}.conv2";
            }
        }
    }

    private static string NormOf(string convolution) => convolution.EndsWith("downsample.0", StringComparison.Ordinal)
        ? convolution[..^1] + "1" : convolution.Replace("conv", "bn", StringComparison.Ordinal);
}
