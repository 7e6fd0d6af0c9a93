using Microsoft.ML.OnnxRuntime;
using Polder.Testing;

namespace Polder.Onnx.Tests;

/// <summary>Files that other programs wrote are read as ONNX Runtime reads them.</summary>
public class ForeignFileTests
{
    [Fact]
    public void Inputs_outputs_and_metadata_are_what_onnx_runtime_sees()
    {
        string[] files = Directory.GetFiles(SharedFiles.Require("checkpoints", "onnx"), "*.onnx", SearchOption.AllDirectories)
            .Where(f => !f.Contains("hostile", StringComparison.Ordinal)).ToArray();
        Assert.True(files.Length > 8);
        foreach (string path in files)
        {
            using OnnxFile file = OnnxFile.Open(path);
            using var options = new SessionOptions
            {
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL,
            };
            using var session = new InferenceSession(path, options);
            Assert.Equal(session.InputNames, file.Model.Graph.Inputs.Select(i => i.Name));
            Assert.Equal(session.OutputNames, file.Model.Graph.Outputs.Select(i => i.Name));
            Assert.Equal(session.InputMetadata.Values.Select(m => string.Join(",", m.Dimensions.Select(d => Math.Max(d, -1)))),
                file.Model.Graph.Inputs.Select(i => string.Join(",", i.Shape!.Select(d => d.Size ?? -1))));
            Assert.Equal(session.ModelMetadata.ProducerName, file.Model.Producer.Name);
            Assert.Equal(session.ModelMetadata.CustomMetadataMap.OrderBy(e => e.Key), file.Model.Metadata.OrderBy(e => e.Key));
        }
    }
}
