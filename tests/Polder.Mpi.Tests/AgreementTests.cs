using static TorchSharp.torch;

namespace Polder.Mpi.Tests;

/// <summary>Ranks that do not have the same are refused, by what differs.</summary>
public class AgreementTests
{
    [Fact]
    public void What_differs_on_one_rank_is_named_on_all()
    {
        string[] messages = ThreadRanks.Run(3, ranks =>
        {
            try
            {
                ranks.Agree(("code", 7ul), ("data", ranks.Rank == 2 ? 1ul : 0), ("start", ulong.MaxValue), ("threads", (ulong)ranks.Rank));
                return "";
            }
            catch (RanksDisagreeException e)
            {
                return string.Join(',', e.Different);
            }
        });
        Assert.All(messages, message => Assert.Equal("data,threads", message));
    }

    [Fact]
    public void One_bit_of_one_weight_is_another_start()
    {
        using var scope = NewDisposeScope();
        Tensor a = ones(3, 4), b = ones(3, 4);
        ulong before = Hash(a);
        Assert.Equal(before, Hash(b));
        Assert.NotEqual(before, Hash(b.view(4, 3)));
        b[2, 3] = 1.0000001f;
        Assert.NotEqual(before, Hash(b));

        static ulong Hash(Tensor tensor) => RankAgreement.HashOf([KeyValuePair.Create("w", tensor)]);
    }
}
