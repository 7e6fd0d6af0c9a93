using static TorchSharp.torch;

internal static class Spirals
{
    // Three arms, noisy: points [count, 2], float32, and the number of the arm of each, [count], int64.
    public static (Tensor Points, Tensor Arms) Draw(int count)
    {
        Tensor arms = randint(0, 3, [count]), radius = rand(count).mul(0.9).add(0.1);
        Tensor angle = radius.mul(5).add(arms.mul(2 * Math.PI / 3)).add(randn(count).mul(0.5));
        return (stack([radius.mul(angle.cos()), radius.mul(angle.sin())], 1), arms);
    }
}
