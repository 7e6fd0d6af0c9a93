namespace Polder.Vision.Data;

/// <summary>
/// Images and labels of one step. The loader's enumerator owns them: they live until the next batch is asked for or the loop ends, so a loop needs
/// no dispose of its own; <see cref="Take"/> hands them over for longer.
/// </summary>
public sealed class Batch : IExamples, IDisposable
{
    private readonly Tensor _images, _labels;
    private bool _taken;

    internal Batch(Tensor images, Tensor labels, int[] indices) => (_images, _labels, Indices) = (images, labels, indices);

    /// <summary>N x channels x height x width, normalized, in the form of the loader's options; in a training on frozen layers what those make of it.</summary>
    /// <exception cref="ObjectDisposedException">The loop has gone on, or the batch has been disposed of.</exception>
    public Tensor Images => Alive(_images);

    /// <summary>N class numbers, int64.</summary>
    /// <exception cref="ObjectDisposedException">The loop has gone on, or the batch has been disposed of.</exception>
    public Tensor Labels => Alive(_labels);

    /// <summary>Where the images stand in the loader's set.</summary>
    public IReadOnlyList<int> Indices { get; }

    /// <summary>How many of the network's stages <see cref="Images"/> have been through; 0: they are images.</summary>
    internal int Stages { get; init; }

    /// <summary>Number of images.</summary>
    public int Count => Indices.Count;

    Tensor IExamples.Inputs => Images;

    Tensor IExamples.Targets => Labels;

    /// <summary>Splits the batch for <c>foreach (var (images, labels) in loader)</c>.</summary>
    /// <param name="images">The images.</param>
    /// <param name="labels">The labels.</param>
    public void Deconstruct(out Tensor images, out Tensor labels) => (images, labels) = (Images, Labels);

    /// <summary>Takes the tensors over from the loop: the caller disposes of this batch.</summary>
    public Batch Take()
    {
        _taken = true;
        return this;
    }

    /// <summary>Gives the tensors back.</summary>
    public void Dispose()
    {
        _images.Dispose();
        _labels.Dispose();
    }

    /// <summary>What the loop does when it goes on.</summary>
    internal void Release()
    {
        if (!_taken)
            Dispose();
    }

    private static Tensor Alive(Tensor tensor) => !tensor.IsInvalid
        ? tensor
        : throw new ObjectDisposedException(nameof(Batch), "it lives until the loop asks for the next one, unless Take() has taken it over");
}
