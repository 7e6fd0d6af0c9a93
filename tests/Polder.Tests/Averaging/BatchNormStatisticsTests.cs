using Polder.Averaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Polder.Tests.Averaging;

public class BatchNormStatisticsTests
{
    [Fact]
    public void Refreshed_statistics_are_the_mean_over_batches_of_mean_and_unbiased_variance()
    {
        using var scope = NewDisposeScope();
        var norm = nn.BatchNorm1d(2, momentum: 0.3);
        var model = nn.Sequential(("drop", nn.Dropout(0.9)), ("norm", norm));
        model.train();
        model.forward(ones(4, 2).mul(50)); // statistics of something else
        float[,] first = { { 1, 5 }, { 3, 9 } }, second = { { 2, 0 }, { 10, 6 } };
        Assert.Equal(2, BatchNormStatistics.Refresh(model, [tensor(first), tensor(second)]));
        Assert.Equal([(2.0 + 6) / 2, (7.0 + 3) / 2], norm.running_mean!.data<float>().ToArray().Select(v => (double)v), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal([(2.0 + 32) / 2, (8.0 + 18) / 2], norm.running_var!.data<float>().ToArray().Select(v => (double)v), (a, b) => Math.Abs(a - b) < 1e-4);
        Assert.Equal(2, norm.num_batches_tracked!.ToInt64());
        Assert.Equal(0.3, norm.momentum);
        Assert.True(model.training && norm.training);
    }

    [Fact]
    public void Without_a_batch_the_statistics_stay_and_without_BatchNorm_nothing_is_read()
    {
        using var scope = NewDisposeScope();
        var norm = nn.BatchNorm1d(2);
        var model = nn.Sequential(("norm", norm));
        model.forward(tensor(new float[,] { { 1, 5 }, { 3, 9 } }));
        float[] before = norm.running_mean!.data<float>().ToArray();
        model.eval();
        Assert.Throws<ArgumentException>(() => BatchNormStatistics.Refresh(model, []));
        Assert.Equal(before, norm.running_mean.data<float>().ToArray());
        Assert.False(norm.training);
        Assert.Equal(0, BatchNormStatistics.Refresh(nn.Sequential(("l", nn.Linear(1, 1))), Enumerable.Range(0, 1).Select<int,
            Tensor>(_ => throw new InvalidOperationException())));
    }
}
