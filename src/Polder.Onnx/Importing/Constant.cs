namespace Polder.Onnx.Importing;

/// <summary>A value that does not depend on the image: in the file, or computed from what is.</summary>
/// <param name="Origin">The name of the initializer that it is another form of; its own name where it is none.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="IsReal">Whether its elements are of floating point, so that they can be trained.</param>
/// <param name="Read">Its elements, in a tensor of the caller's scope that may share them.</param>
internal sealed record Constant(string Origin, long[] Shape, bool IsReal, Func<Tensor> Read)
{
    /// <summary>How many elements it has.</summary>
    public long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>One of a file.</summary>
    public static Constant Of(OnnxTensor value) => new(
        value.Name, [.. value.Shape], value.Type is OnnxType.Float or OnnxType.Float16 or OnnxType.BFloat16 or OnnxType.Double,
        () => GraphEvaluator.Widened(value.ToTensor()));

    /// <summary>One that was computed; the tensor lives as long as this is in use.</summary>
    public static Constant Of(string origin, Tensor value) => new(origin, value.shape, value.is_floating_point(), value.alias);

    /// <summary>One whose elements come later: zeros until then, which take no memory.</summary>
    public static Constant Open(string name, long[] shape) =>
        new(name, shape, true, () => zeros(1).reshape([.. Enumerable.Repeat(1L, shape.Length)]).expand(shape));
}
