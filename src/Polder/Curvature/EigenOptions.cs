namespace Polder.Curvature;

/// <summary>Which eigenvalues are sought, and when that ends.</summary>
public sealed record EigenOptions
{
    /// <summary>How many of the largest; at least 0.</summary>
    public int Top { get; init; }

    /// <summary>How many of the smallest (the most negative); at least 0.</summary>
    public int Bottom { get; init; }

    /// <summary>How many of the largest in absolute value; at least 0. Not together with the other two.</summary>
    public int LargestMagnitude { get; init; }

    /// <summary>
    /// An eigenvalue has converged when its residual ||A v - theta v|| is at most this share of the largest absolute eigenvalue found; between 0 and 1.
    /// The eigenvalue is then off by at most the residual, and usually by the residual's square over the gap to the next one. Default 1e-4.
    /// </summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>The most products; at least 2. Default 1000.</summary>
    public int MaxProducts { get; init; } = 1000;

    /// <summary>
    /// Vectors that are kept before a restart; more need fewer products and more memory (two vectors of the parameters' size each). Null (default):
    /// up to 100, as far as 2 GB allow.
    /// </summary>
    public int? SubspaceSize { get; init; }

    /// <summary>The seed of the start. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary>Told after each product.</summary>
    public IProgress<EigenProgress>? Progress { get; init; }

    /// <summary>The number of sought eigenvalues.</summary>
    internal int Wanted => Top + Bottom + LargestMagnitude;

    /// <summary>The options of a call that says itself which eigenvalues it wants.</summary>
    /// <exception cref="ArgumentException">The options want others.</exception>
    internal static EigenOptions Asking(EigenOptions? options, EigenOptions wanted)
    {
        options ??= wanted;
        Agree(options.Top, wanted.Top, nameof(Top));
        Agree(options.Bottom, wanted.Bottom, nameof(Bottom));
        Agree(options.LargestMagnitude, wanted.LargestMagnitude, nameof(LargestMagnitude));
        return options with { Top = wanted.Top, Bottom = wanted.Bottom, LargestMagnitude = wanted.LargestMagnitude };

        void Agree(int given, int asked, string name)
        {
            if (given != 0 && given != asked)
                throw new ArgumentException(
                    $"the call asks for {wanted.Wanted} eigenvalues of one kind and its options for {name} = {given}: leave {name} out, or call "
                    + $"{nameof(Eigenvalues.FindEigenvalues)} with the options alone", nameof(options));
        }
    }

    /// <summary>Checks the options.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of range; the message says which and what is allowed.</exception>
    public void Validate()
    {
        foreach ((string name, int value) in new[] { (nameof(Top), Top), (nameof(Bottom), Bottom), (nameof(LargestMagnitude), LargestMagnitude) })
            Require.AtLeast(value, 0, name);
        Require.That(Wanted > 0, Top, "at least 1", "Top, Bottom or LargestMagnitude");
        Require.That(LargestMagnitude == 0 || Top + Bottom == 0, LargestMagnitude, "0 where Top or Bottom is given");
        Require.Inside(Tolerance);
        Require.AtLeast(MaxProducts, 2);
        Require.That(SubspaceSize is null || SubspaceSize >= Wanted + 3, SubspaceSize, $"at least {Wanted + 3}, three more than the eigenvalues sought");
    }
}
