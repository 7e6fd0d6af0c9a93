namespace Polder.Onnx;

/// <summary>
/// Trained classifiers of the built-in architectures as ONNX files: for programs without TorchSharp, with ONNX Runtime or ML.NET.
/// </summary>
public static class OnnxExport
{
    /// <summary>The name of the file beside an exported one that has the names of the classes, one a line, in the order of the logits.</summary>
    public const string LabelsName = "labels.txt";

    /// <summary>
    /// A classifier as a model: input <c>input</c> (or <see cref="ExportOptions.HuggingFace"/>'s), outputs <c>logits</c> and <c>probabilities</c>
    /// (both N x classes). Its constants are copies.
    /// </summary>
    /// <param name="classifier">The classifier; it stays the caller's.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <exception cref="OnnxException">The network is none of the built-in architectures.</exception>
    /// <exception cref="InvalidOperationException">Another thread trains or measures the network.</exception>
    public static OnnxModel ModelOf(TrainedClassifier classifier, ExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        options ??= new ExportOptions();
        using ModelUse use = ModelUse.Ask(classifier.Network);
        // The nodes of a file are of its version.
        int opset = (classifier.Network as OnnxClassifier)?.Body.Opset ?? options.Opset;
        return new OnnxModel(NetworkGraph.Of(classifier, options), opset, IrVersionOf(opset))
        {
            Producer = ("polder", ExportMetadata.Version),
            Metadata = ExportMetadata.Of(classifier, options),
        };
    }

    /// <summary>
    /// Writes a classifier as an ONNX file, and beside it what <see cref="FilesBeside"/> names. The file gets its name only after it was read back: every
    /// parameter equal bit for bit unless folded or rounded, and the logits of a picture of random pixels those of the network.
    /// </summary>
    /// <param name="classifier">The classifier; it stays the caller's.</param>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <exception cref="OnnxException">The network cannot be exported, or what was read back is not the network.</exception>
    /// <exception cref="Checkpoints.CheckpointException">A file cannot be written.</exception>
    /// <exception cref="InvalidOperationException">Another thread trains or measures the network.</exception>
    public static ExportReport Write(TrainedClassifier classifier, string path, ExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ExportOptions();
        using ModelUse use = ModelUse.Ask(classifier.Network);
        string[] beside = [.. FilesBeside(path, options)];
        string[] texts =
        [
            string.Concat(classifier.Classes.Select(name => name.ReplaceLineEndings(" ") + "\n")),
            .. options.HuggingFace ? HuggingFaceFiles.Of(path, classifier, options) : [],
        ];
        string passing = Path.Combine(Path.GetDirectoryName(path) ?? "", $".{Path.GetFileName(path)}.unchecked");
        try
        {
            long bytes = OnnxFile.Write(passing, ModelOf(classifier, options));
            ExportReport report;
            using (OnnxFile file = OnnxFile.Open(passing))
            {
                OnnxModel model = file.Model;
                report = new ExportReport(path, beside[0], model.Graph.Inputs, model.Graph.Outputs, model.Opset, bytes,
                    ExportCheck.Parameters(file, classifier.Network, options), ExportCheck.Logits(file, classifier, options))
                {
                    HuggingFace = beside[1..],
                };
            }
            foreach ((string file, string text) in beside.Zip(texts))
                AtomicFile.WriteText(file, text);
            File.Move(passing, path, overwrite: true);
            return report;
        }
        catch (OnnxException e) when (e.Path == passing)
        {
            throw new OnnxException(path, e.Reason, e);
        }
        finally
        {
            File.Delete(passing);
        }
    }

    /// <summary>The files that <see cref="Write"/> puts beside an exported one: first <see cref="LabelsName"/>.</summary>
    /// <param name="path">The exported file.</param>
    /// <param name="options">How it is exported; null: the defaults.</param>
    public static IReadOnlyList<string> FilesBeside(string path, ExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string folder = Path.GetDirectoryName(path) ?? "";
        return [.. ((string[])[LabelsName, .. options?.HuggingFace == true ? HuggingFaceFiles.Names : []]).Select(name => Path.Combine(folder, name))];
    }

    // The format that came with the operators: readers look at both.
    private static int IrVersionOf(int opset) => opset switch
    {
        <= 18 => 8,
        <= 20 => 9,
        _ => 10,
    };
}
