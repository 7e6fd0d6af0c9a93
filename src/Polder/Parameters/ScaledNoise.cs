using System.Numerics;

namespace Polder.Parameters;

/// <summary>A stream whose elements are multiplied by factors; a stretch whose factors are all 0 is not asked of the inner stream.</summary>
internal sealed class ScaledNoise(NoiseStream inner, ParameterFactors factors) : NoiseStream
{
    /// <summary>The factors.</summary>
    public ParameterFactors Factors => factors;

    public override long? Elements => inner.Elements;

    public override void Fill(long step, int draw, long offset, Span<float> destination)
    {
        if (Clear(offset, destination))
            return;
        inner.Fill(step, draw, offset, destination);
        Scale(offset, destination);
    }

    public override void Fill(long step, int draw, long offset, Span<double> destination)
    {
        if (Clear(offset, destination))
            return;
        inner.Fill(step, draw, offset, destination);
        Scale(offset, destination);
    }

    private bool Clear<T>(long offset, Span<T> destination)
    {
        for (long done = 0; done < destination.Length;)
        {
            var (factor, run) = factors.At(offset + done);
            if (factor != 0)
                return false;
            done += run;
        }
        destination.Clear();
        return true;
    }

    private void Scale<T>(long offset, Span<T> destination) where T : unmanaged, INumber<T>
    {
        for (int done = 0; done < destination.Length;)
        {
            var (factor, run) = factors.At(offset + done);
            int count = (int)Math.Min(run, destination.Length - done);
            T own = T.CreateTruncating(factor);
            foreach (ref T value in destination.Slice(done, count))
                value *= own;
            done += count;
        }
    }
}
