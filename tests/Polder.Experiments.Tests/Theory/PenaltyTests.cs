using Polder.Curvature;
using Polder.Experiments.Reports;
using Polder.Experiments.Theory;
using Polder.Flatness;
using Polder.Vision.Data;
using Polder.Vision.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Polder.Experiments.Tests.Theory;

public class PenaltyTests
{
    private static readonly PenaltyOptions Small = new()
    {
        Activations = [Activation.Relu, Activation.Gelu],
        Steps = 30,
        Looks = 3,
        Sigmas = [0.001, 0.003],
        Draws = 10,
        Samples = 48,
        MaxProducts = 40,
        Seeds = [1],
    };

    private static readonly Lazy<IReadOnlyList<PenaltyLook>> Looks = new(() =>
        PenaltyStudy.Run(Digits.Load().Train.Sample(200, 0), Normalization.ImageNetGray, Small));

    [Fact]
    public void Every_network_is_looked_at_at_the_start_and_at_the_end()
    {
        Assert.Equal(["Relu 0", "Relu 1", "Relu 30", "Gelu 0", "Gelu 1", "Gelu 30"], Looks.Value.Select(l => $"{l.Activation} {l.Step}"));
        Assert.All(Looks.Value, l => Assert.Equal([0.001, 0.003], l.Gaps.Select(g => g.Sigma)));
        Assert.All(Looks.Value.Chunk(3), l => Assert.True(l[2].Loss < l[0].Loss));
        Assert.Equal([0, 1, 4, 16, 63, 251, 1000], new PenaltyOptions { Looks = 7 }.LookSteps);
    }

    [Fact]
    public void Second_order_explains_a_smooth_network_and_not_one_with_kinks()
    {
        PenaltyLook relu = Looks.Value[2], smooth = Looks.Value[5];
        foreach (NoiseGapPoint gap in smooth.Gaps)
            Assert.InRange(1, smooth.Share(gap).Value - (4 * smooth.Share(gap).StandardError), smooth.Share(gap).Value + (4 * smooth.Share(gap).StandardError));
        Assert.All(relu.Gaps, gap => Assert.True(relu.Share(gap).Value + (4 * relu.Share(gap).StandardError) < 1));
    }

    [Fact]
    public void A_share_is_a_quotient_with_its_error()
    {
        var look = new PenaltyLook(Activation.Gelu, 0, 1, 1, new TraceEstimate(200, 10, 20, 20, "hutchinson", 0, EstimateExit.Budget), []);
        var share = look.Share(new NoiseGapPoint(0.1, new(2, 0.2, 20)));
        // 0.005 * 200 / 2 = 1/2; relative errors of 5 and 10 % add up in squares.
        Assert.Equal(0.5, share.Value, 1e-12);
        Assert.Equal(0.5 * Math.Sqrt((0.05 * 0.05) + (0.1 * 0.1)), share.StandardError, 1e-12);
        Assert.True(double.IsNaN(look.Share(new NoiseGapPoint(0.1, new(2, 1.5, 20))).Value));
    }

    [Theory]
    [InlineData(Activation.Relu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.Softplus)]
    [InlineData(Activation.Tanh)]
    public void A_network_has_the_activation_it_is_given(Activation activation)
    {
        using var scope = NewDisposeScope();
        using var network = new SmallConvNet(3, 1, activation);
        network.Initialize(7);
        network.eval();
        using var _ = no_grad();
        Tensor images = randn([4, 1, 8, 8], generator: new Generator(3));
        Tensor hidden = images;
        Dictionary<string, nn.Module> modules = network.named_children().ToDictionary(m => m.name, m => m.module);
        foreach (int layer in (int[])[1, 2, 3])
        {
            hidden = ((Conv2d)modules[$"conv{layer}"]).call(hidden);
            hidden = ((BatchNorm2d)modules[$"bn{layer}"]).call(hidden);
            hidden = activation switch
            {
                Activation.Relu => hidden.clamp_min(0),
                Activation.Gelu => hidden.mul(special.erf(hidden.div(Math.Sqrt(2))).add(1)).div(2),
                Activation.Softplus => hidden.exp().add(1).log(),
                _ => hidden.tanh(),
            };
        }
        Tensor expected = network.Head.call(hidden.mean([2L, 3L]));
        Assert.True(expected.sub(network.call(images)).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void Trainings_of_several_seeds_are_told_apart_and_shown_by_mean_and_spread()
    {
        PenaltyLook Look(long seed, double trace, double gap) => new(Activation.Gelu, seed, 0, 2, new TraceEstimate(trace, 1, 20, 20, "hutchinson", 0,
            EstimateExit.Budget), [new NoiseGapPoint(0.1, new(gap, 0.01, 20))]);

        Result two = PenaltyReport.Of([Look(0, 200, 2), Look(1, 100, 1), Look(2, 100, 0.5)], 48);
        ResultTable looks = two.Blocks.OfType<ResultTable>().First(), summary = two.Blocks.OfType<ResultTable>().Last();
        // Shares of 1/2, 1/2 and 1.
        Assert.Equal("66.7 +- 28.9", looks.Rows.Single()[7].Text);
        Assert.Equal("3", looks.Rows.Single()[8].Text);
        Assert.Equal(["gelu", "0.1", "66.7 +- 28.9", "66.7 +- 28.9", "66.7 +- 28.9", "66.7 +- 28.9", "3"], summary.Rows.Single().Select(c => c.Text));
        // One of which nothing is known leaves the mean to the others; a single one has the error of its measurement.
        Assert.Equal("50.0 +- 0.0", Share([Look(0, 200, 2), Look(1, 100, 1), Look(2, 100, 0.01)]));
        Assert.Equal("50.0 +- 0.4", Share([Look(0, 200, 2)]));

        static string Share(IReadOnlyList<PenaltyLook> looks) => PenaltyReport.Of(looks, 48).Blocks.OfType<ResultTable>().First().Rows[0][7].Text;

        IReadOnlyList<PenaltyLook> both = PenaltyStudy.Run(Digits.Load().Train.Sample(100, 0), Normalization.ImageNetGray, Small with
        {
            Activations = [Activation.Gelu],
            Steps = 2,
            Looks = 2,
            Seeds = [1, 4],
        });
        Assert.Equal([(1L, 0), (1, 2), (4, 0), (4, 2)], both.Select(l => (l.Seed, l.Step)));
        Assert.NotEqual(both[0].Loss, both[2].Loss);
    }

    [Fact]
    public void The_picture_has_a_panel_a_network() =>
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], PenaltyReport.Plot(Looks.Value, ".png")[..4]);
}
