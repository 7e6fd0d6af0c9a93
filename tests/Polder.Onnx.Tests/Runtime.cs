using Microsoft.ML.OnnxRuntime;

namespace Polder.Onnx.Tests;

/// <summary>ONNX Runtime, which shares no line with us: what a file gives there.</summary>
internal static class Runtime
{
    /// <summary>The outputs by name, each with as many rows as images. A file that takes one image at a time gets them so.</summary>
    public static Dictionary<string, float[][]> Run(string path, Array input, params long[] shape)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(path, options);
        if (session.InputMetadata.Values.Single().Dimensions[0] != 1 || input is not float[] floats)
            return Run(session, input, shape);
        Dictionary<string, float[][]>[] each =
            [.. floats.Chunk(floats.Length / (int)shape[0]).Select(image => Run(session, image, [1, .. shape[1..]]))];
        return session.OutputNames.ToDictionary(name => name, name => each.Select(outputs => outputs[name].Single()).ToArray());
    }

    private static Dictionary<string, float[][]> Run(InferenceSession session, Array input, long[] shape)
    {
        using var run = new RunOptions();
        using OrtValue value = input is byte[] bytes ? OrtValue.CreateTensorValueFromMemory(bytes, shape)
            : OrtValue.CreateTensorValueFromMemory((float[])input, shape);
        string[] names = [.. session.OutputNames];
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, session.InputNames, [value], names);
        return names.Zip(outputs).ToDictionary(p => p.First, p =>
        {
            Assert.Equal(shape[0], p.Second.GetTensorTypeAndShape().Shape[0]);
            float[] all = p.Second.GetTensorDataAsSpan<float>().ToArray();
            return all.Chunk(all.Length / (int)shape[0]).ToArray();
        });
    }

    /// <summary>The first output of a file, whatever its names.</summary>
    public static float[] First(string path, float[] input, params long[] shape)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL;
        using var session = new InferenceSession(path, options);
        using var run = new RunOptions();
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(input, shape);
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(run, [session.InputNames[0]], [value], [session.OutputNames[0]]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public static IReadOnlyDictionary<string, string> Metadata(string path)
    {
        using var session = new InferenceSession(path);
        return session.ModelMetadata.CustomMetadataMap;
    }
}
