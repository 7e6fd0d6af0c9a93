using Polder.Vision.Training;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Training;

public class SnapshotTests
{
    [Fact]
    public void A_model_moves_a_part_of_the_way_to_it_and_its_counts_stay()
    {
        using var norm = nn.BatchNorm1d(1);
        using var noGrad = no_grad();
        norm.weight.fill_(4);
        norm.running_mean!.fill_(-1);
        norm.num_batches_tracked!.fill_(3);
        using var taken = new Snapshot(norm);
        norm.weight.fill_(0);
        norm.running_mean.fill_(1);
        norm.num_batches_tracked.fill_(7);
        taken.Approach(0.25);
        Assert.Equal((1f, 0.5f, 7L), (norm.weight.item<float>(), norm.running_mean.item<float>(), norm.num_batches_tracked.item<long>()));
        taken.Restore();
        Assert.Equal((4f, -1f, 3L), (norm.weight.item<float>(), norm.running_mean.item<float>(), norm.num_batches_tracked.item<long>()));
    }
}
