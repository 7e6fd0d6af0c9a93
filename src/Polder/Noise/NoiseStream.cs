namespace Polder.Noise;

/// <summary>
/// The noise U of every step as a pure function of (step, draw, element), of mean 0 and variance 1: replayable, so never stored, and the
/// same on any number of threads or machines. +U and -U are one draw.
/// </summary>
/// <remarks>Large models are filled by several threads at once: an implementation must be safe to call from them.</remarks>
public abstract class NoiseStream
{
    /// <summary>The number of elements of a draw, which must be that of the trainable parameters; null where there are as many as one likes.</summary>
    public virtual long? Elements => null;

    /// <summary>Writes elements of a draw.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="draw">The draw within the step, from 0.</param>
    /// <param name="offset">The first element: an index into the flat vector of all parameters.</param>
    /// <param name="destination">Receives U at <paramref name="offset"/>, <paramref name="offset"/> + 1, ...</param>
    public abstract void Fill(long step, int draw, long offset, Span<float> destination);

    /// <summary>The same numbers in double precision, for float64 parameters.</summary>
    /// <inheritdoc cref="Fill(long, int, long, Span{float})"/>
    public virtual void Fill(long step, int draw, long offset, Span<double> destination)
    {
        Span<float> single = stackalloc float[256];
        for (int done = 0; done < destination.Length;)
        {
            int count = Math.Min(single.Length, destination.Length - done);
            Fill(step, draw, offset + done, single[..count]);
            for (int i = 0; i < count; i++)
                destination[done + i] = single[i];
            done += count;
        }
    }
}
