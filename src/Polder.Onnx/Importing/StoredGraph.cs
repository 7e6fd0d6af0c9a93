using System.Globalization;
using System.IO.Compression;

namespace Polder.Onnx.Importing;

/// <summary>
/// A network's graph as text for the metadata of checkpoints: packed, and without the weights, which the checkpoint has. So every file that Polder
/// writes of an imported network opens without the file that it came from.
/// </summary>
internal static class StoredGraph
{
    private const int LargestText = 1 << 26, LargestGraph = 1 << 26;
    private const string ChannelsEntry = "channels", FeaturesEntry = "features", HeadEntry = "head";

    /// <summary>The text of a network.</summary>
    public static string Text(OnnxClassifier network)
    {
        BodyGraph body = network.Body;
        using DisposeScope scope = NewDisposeScope();
        // A weight is an input: given from outside.
        OnnxGraph graph = new("body",
            [
                new OnnxValue(body.Input, OnnxType.Float, null),
                .. body.Constants.Where(c => network.Written.ContainsKey(c.Key))
                    .Select(c => new OnnxValue(c.Key, OnnxType.Float, [.. c.Value.Shape.Select(d => new OnnxDimension(d))])),
            ],
            [new OnnxValue(body.Output, OnnxType.Float, null)], body.Nodes,
            body.Constants.Where(c => !network.Written.ContainsKey(c.Key)).ToDictionary(c => c.Key, c => OnnxTensor.Of(c.Key, c.Value.Read())));
        var model = new OnnxModel(graph, body.Opset, 8)
        {
            Metadata = new Dictionary<string, string>
            {
                [ChannelsEntry] = body.Channels.ToString(CultureInfo.InvariantCulture),
                [FeaturesEntry] = body.Features.ToString(CultureInfo.InvariantCulture),
                [HeadEntry] = body.HeadName,
            },
        };
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            zip.Write(OnnxFile.Bytes(model));
        return Convert.ToBase64String(packed.GetBuffer(), 0, (int)packed.Length);
    }

    /// <summary>The graph of a text; its weights are zeros.</summary>
    /// <param name="path">Where the text was, for messages.</param>
    /// <param name="text">The text.</param>
    /// <exception cref="CheckpointException">It is none.</exception>
    public static BodyGraph Read(string path, string text)
    {
        try
        {
            if (text.Length > LargestText)
                throw new OnnxException(path, $"its graph has {text.Length} letters, allowed: {LargestText}");
            using var zip = new GZipStream(new MemoryStream(Convert.FromBase64String(text)), CompressionMode.Decompress);
            using var bytes = new MemoryStream();
            byte[] block = new byte[1 << 16];
            for (int count; (count = zip.Read(block)) > 0;)
            {
                bytes.Write(block, 0, count);
                if (bytes.Length > LargestGraph)
                    throw new OnnxException(path, $"its graph is of more than {LargestGraph} bytes");
            }
            using OnnxFile file = OnnxFile.Parse(path, bytes.ToArray());
            OnnxModel model = file.Model;
            Dictionary<string, Constant> constants = model.Graph.Constants.Values
                .ToDictionary(c => c.Name, c => Constant.Of(c.Name, GraphEvaluator.Widened(c.ToTensor()).DetachFromDisposeScope()));
            foreach (OnnxValue weight in model.Graph.Inputs.Skip(1))
                constants.Add(weight.Name, Constant.Open(weight.Name, [.. weight.Shape!.Select(d => d.Size!.Value)]));
            return new BodyGraph(path, model.Opset, model.Graph.Inputs[0].Name, model.Graph.Outputs[0].Name, BodyGraph.Detached(model.Graph.Nodes), constants,
                Number(ChannelsEntry), Number(FeaturesEntry), model.Metadata[HeadEntry]);

            int Number(string entry) => int.Parse(model.Metadata[entry], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is FormatException or InvalidDataException or KeyNotFoundException or InvalidOperationException or OverflowException
            or ArgumentException or NullReferenceException)
        {
            throw new OnnxException(path, $"its graph is damaged: {e.Message}", e);
        }
    }
}
