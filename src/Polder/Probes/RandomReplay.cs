namespace Polder.Probes;

/// <summary>
/// Lets all probes of a step see the same random numbers of torch's default CPU generator (dropout, augmentation inside the closure), so that gradients at
/// W + U and W - U differ by U alone. The generator advances once a step.
/// </summary>
internal sealed class RandomReplay : IDisposable
{
    private Tensor? _state;
    private bool _first;

    /// <summary>Starts a step.</summary>
    public void Begin() => _first = true;

    /// <summary>Before each probe: keeps the generator's state at the first, and goes back to it at the others.</summary>
    public void BeforeProbe()
    {
        if (_first)
        {
            _state?.Dispose();
            _state = get_rng_state().DetachFromDisposeScope();
        }
        else
        {
            set_rng_state(_state!);
        }
        _first = false;
    }

    /// <summary>Whether the probe has drawn numbers.</summary>
    public bool HasDrawn()
    {
        using Tensor now = get_rng_state();
        return !now.bytes.SequenceEqual(_state!.bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _state?.Dispose();
        _state = null;
    }
}
