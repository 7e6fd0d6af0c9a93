using System.Runtime.CompilerServices;
using Polder.Machine;
using static TorchSharp.torch;

namespace Polder.Tests.Numerics;

public class NumbersTests
{
    [Fact]
    public void A_number_lives_as_long_as_the_call_it_is_made_for_and_is_given_back_later()
    {
        WeakReference number = Make(0.5);
        Collect();
        Assert.True(number.IsAlive, "nothing holds it, so that a collection may free it under a call");
        for (int i = 0; i < 1000; i++)
            Numbers.Number(i);
        Collect();
        Assert.False(number.IsAlive, "it is held though a thousand others were made");
    }

    [Fact]
    public void Numbers_keep_their_value_and_their_kind()
    {
        using var scope = NewDisposeScope();
        Tensor whole = tensor(new long[] { 1, 2 }), single = tensor(new[] { 1f, 2f });
        Assert.Equal([3L, 4L], whole.add(Numbers.Number(2)).data<long>());
        Assert.Equal([3L + int.MaxValue, 4L + int.MaxValue], whole.add(Numbers.Number(2L + int.MaxValue)).data<long>());
        Assert.Equal(ScalarType.Float32, whole.add(Numbers.Number(0.5)).dtype);
        Assert.Equal([1.5f, 2.5f], single.add(Numbers.Number(0.5f)).data<float>());
        Assert.Equal([0.1f, 0.2f], single.mul(Numbers.Number(0.1)).data<float>());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Make(double value) => new(Numbers.Number(value));

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }
}
