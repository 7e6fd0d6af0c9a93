namespace Polder.Experiments.Comparison;

/// <summary>
/// The weights on the way of a training at which its training images have a given loss, so that trainings can be compared where they fit alike. The loss is
/// looked at four times an epoch. From one look to the next it can fall to a tenth, and curvature falls with it; so where it has passed the loss that is waited
/// for, the weights are those on the straight line between the two looks that have it, to <see cref="Tolerance"/>. The training does not notice.
/// </summary>
/// <param name="network">The network that is trained.</param>
/// <param name="loss">The loss that is waited for, in nats.</param>
/// <param name="stepsPerEpoch">Steps of an epoch.</param>
/// <param name="lossNow">The loss of the training images, as they are, at the network's weights as they stand.</param>
internal sealed class MatchedWeights(nn.Module network, double loss, long stepsPerEpoch, Func<double> lossNow) : IDisposable
{
    /// <summary>How far the loss found may be from the one that is waited for, as a share of it.</summary>
    public const double Tolerance = 0.01;

    private const int LooksPerEpoch = 4, MostHalvings = 20;

    private Snapshot? _before, _found;

    /// <summary>The epoch, from 1, in which the loss was passed; null where it was not.</summary>
    public int? Epoch { get; private set; }

    /// <summary>The weights, parameters and buffers; null where the loss was not passed.</summary>
    public Snapshot? Found => Epoch is null ? null : _found;

    /// <summary>Looks after a step.</summary>
    /// <param name="progress">Where the training is.</param>
    public void Look(TrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        long apart = Math.Max(1, stepsPerEpoch / LooksPerEpoch);
        // The first step as well: there is no line to it.
        if (Epoch is not null || (progress.Step != 1 && progress.Step % apart != 0 && progress.Step % stepsPerEpoch != 0))
            return;
        double now = lossNow();
        if (!(now <= loss))
        {
            Take(ref _before);
            return;
        }
        Epoch = progress.Epoch;
        if (_before is null)
            Take(ref _found);
        else
            FindOnTheLine();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _before?.Dispose();
        _found?.Dispose();
    }

    // The loss is above at one end, at most what is wanted at the other, and continuous between them.
    private void FindOnTheLine()
    {
        using var end = new Snapshot(network);
        try
        {
            double above = 0, below = 1;
            for (int i = 0; i < MostHalvings; i++)
            {
                double share = (above + below) / 2;
                end.Restore();
                _before!.Approach(1 - share);
                double here = lossNow();
                if (Math.Abs(here - loss) <= Tolerance * loss)
                    break;
                if (here > loss)
                    above = share;
                else
                    below = share;
            }
            Take(ref _found);
        }
        finally
        {
            end.Restore();
        }
    }

    private void Take(ref Snapshot? place)
    {
        if (place is null)
            place = new Snapshot(network);
        else
            place.Take();
    }
}
