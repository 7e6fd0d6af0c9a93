namespace Polder.Onnx;

/// <summary>Classifiers of other programs that come as ONNX files: trained, measured and exported as the built-in ones are.</summary>
public static class OnnxNetworks
{
    /// <summary>
    /// Makes ONNX files known to everything that opens weights (<see cref="TrainedClassifier"/>, recipes, run folders), in this process. A program
    /// calls it once, at its start.
    /// </summary>
    public static void Register() => ForeignNetworks.Register(new OnnxFormat());
}
