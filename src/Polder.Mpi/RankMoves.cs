namespace Polder.Mpi;

/// <summary>Where a rank's parameters stand during a step, and how they come to a point and back to W.</summary>
internal sealed class RankMoves : IDisposable
{
    private ParameterVector? _own, _centre; // W: a copy of the rank's own, or the step's; null before anything has left it
    private Probe? _standing; // null at the centre
    private ProbeStep? _step;

    /// <summary>Starts a step, at W.</summary>
    public void Begin(ProbeStep step) => (_step, _centre, _standing) = (step, step.Centre, null);

    /// <summary>Starts a run of probes: a vector that the parameters stand along may be another by now.</summary>
    public void BeginRun()
    {
        if (_step!.Centre is not null || _standing is { Direction: ProbeDirection.Vector })
            ReturnToCentre();
    }

    /// <summary>Goes to a point.</summary>
    /// <param name="probe">The point.</param>
    /// <param name="mirrored">
    /// The first point of its pair, where it is the second: W - V is W + V mirrored also where another rank has that, since a sum of its own would end in
    /// other last bits.
    /// </param>
    public void To(Probe probe, Probe? mirrored)
    {
        if (probe.Direction == ProbeDirection.Centre)
        {
            ReturnToCentre();
            return;
        }
        ProbeStep step = _step!;
        Probe place = PlaceOf(probe);
        if (_standing == place)
            return;
        if (_centre is null && probe.Direction == ProbeDirection.Noise)
        {
            // The first move of a step saves W on the way.
            ParameterVector own = Own(step.Space);
            Probe start = mirrored ?? probe;
            step.Space.Leave(own, step.Noise, step.Step, start.Draw, start.Scale, null, mirrored is not null);
            (_centre, _standing) = (own, place);
            return;
        }
        if (_centre is null)
            step.Space.Save(_centre = Own(step.Space));
        Probe? standing = _standing;
        // From here on a failure leaves the parameters somewhere unknown; anything but null makes the step's end restore them.
        _standing = place;
        if (probe.Direction == ProbeDirection.Vector)
        {
            if (standing is not null)
                step.Space.Restore(_centre);
            step.Space.Move(probe.Vector!, probe.Scale);
        }
        else if (mirrored is not { } first)
        {
            step.Space.MoveTo(_centre, step.Noise, step.Step, probe.Draw, probe.Scale);
        }
        else if (standing == PlaceOf(first))
        {
            step.Space.Mirror(_centre);
        }
        else
        {
            step.Space.MoveTo(_centre, step.Noise, step.Step, first.Draw, first.Scale, null, mirrored: true);
        }
    }

    /// <summary>Leaves a point under an observer.</summary>
    /// <param name="observer">Sees the displacement.</param>
    /// <param name="mirrored">The mirrored point, where that is this rank's next; null goes back to W.</param>
    public void Leave(MoveObserver observer, Probe? mirrored)
    {
        if (mirrored is null)
            _step!.Space.Restore(_centre!, observer);
        else
            _step!.Space.Mirror(_centre!, observer);
        _standing = mirrored is { } place ? PlaceOf(place) : null;
    }

    /// <summary>Goes back to W, bit for bit.</summary>
    public void ReturnToCentre()
    {
        if (_standing is not null || _step?.Centre is not null)
            _step!.Space.Restore(_centre!);
        _standing = null;
    }

    /// <summary>Ends the step, at W.</summary>
    public void End()
    {
        ReturnToCentre();
        _step = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _own?.Dispose();
        (_own, _centre) = (null, null);
    }

    // What a probe is evaluated for does not change where it is.
    private static Probe PlaceOf(Probe probe) => probe with { Weight = 0, Rows = null };

    private ParameterVector Own(ParameterSpace space)
    {
        if (!ReferenceEquals(_own?.Space, space))
        {
            _own?.Dispose();
            _own = space.CreateVector();
        }
        return _own;
    }
}
