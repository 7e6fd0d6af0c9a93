using Polder.Vision.Data;
using static TorchSharp.torch;

namespace Polder.Vision.Tests.Data;

public class LoaderTests
{
    private static readonly Normalization Gray = new([0], [1 / 255f]);

    [Fact]
    public void An_epoch_gives_every_image_once_with_its_label_and_the_smaller_batch_last()
    {
        ImageSet set = SplitTests.Numbered(7, 6);
        var loader = new Loader(set, new LoaderOptions { BatchSize = 5, Normalization = Gray });
        Assert.Equal(3, loader.Count);
        var seen = new List<int>();
        var sizes = new List<long>();
        foreach (Batch batch in loader)
        {
            Assert.Equal([batch.Count, 1, 1, 1], batch.Images.shape);
            sizes.Add(batch.Count);
            for (int i = 0; i < batch.Count; i++)
            {
                int pixel = (int)Math.Round(batch.Images[i, 0, 0, 0].item<float>());
                Assert.Equal(batch.Indices[i], pixel);
                Assert.Equal(set.Labels[pixel], batch.Labels[i].item<long>());
                seen.Add(pixel);
            }
        }

        Assert.Equal([5, 5, 3], sizes);
        Assert.Equal(Enumerable.Range(0, 13), seen.Order());
        Assert.NotEqual(Enumerable.Range(0, 13), seen);
    }

    [Fact]
    public void A_resumed_loader_sees_what_an_uninterrupted_one_sees()
    {
        ImageSet set = Noise(20, 3, 12);
        var options = new LoaderOptions { BatchSize = 6, Seed = 4, Augmentation = Augmentation.CropFlip };
        var whole = new Loader(set, options);
        float[] first = Values(whole), second = Values(whole), third = Values(whole);
        Assert.NotEqual(first, second);
        Assert.Equal(third, Values(new Loader(set, options) { NextEpoch = 2 }));
        Assert.Equal(second, Values(whole.Epoch(1)));
        Assert.NotEqual(first, Values(new Loader(set, options with { Seed = 5 })));
        Assert.Equal(3, whole.NextEpoch);
    }

    [Fact]
    public void An_images_augmentation_does_not_depend_on_the_batch_that_it_is_in()
    {
        ImageSet set = Noise(9, 3, 12);
        var options = new LoaderOptions { BatchSize = 2, Shuffle = false, Augmentation = Augmentation.CropFlip };
        Assert.Equal(Values(new Loader(set, options)), Values(new Loader(set, options with { BatchSize = 7, Prefetch = 1 })));
    }

    [Theory]
    [InlineData(Augmentation.None, 3, 8)]
    [InlineData(Augmentation.Flip, 1, 12)]
    [InlineData(Augmentation.CropFlip, 3, 12)]
    [InlineData(Augmentation.CropFlip, 3, 7)]
    [InlineData(Augmentation.ResizedCropFlip, 3, 8)]
    public void An_augmented_set_is_what_a_training_sees_in_an_epoch(Augmentation augmentation, int channels, int size)
    {
        ImageSet set = Noise(9, channels, 12);
        LoaderOptions plain = new() { Shuffle = false, Normalization = channels == 1 ? Gray : Normalization.ImageNet, Seed = 4, ImageSize = size },
            augmented = plain with { Augmentation = augmentation };
        ImageSet seen = set.Augmented(augmentation, 4, size, 2);
        Assert.Equal((9, channels, size, size), (seen.Count, seen.Channels, seen.Height, seen.Width));
        Assert.Equal(set.Labels, seen.Labels);
        Assert.Equal(Values(new Loader(set, augmented).Epoch(2)), Values(new Loader(seen, plain)));
        Assert.NotEqual(Values(new Loader(set, augmented).Epoch(augmentation == Augmentation.None ? 2 : 1)),
            Values(new Loader(set.Augmented(Augmentation.Flip, 5, size), plain)));
        Assert.Throws<ArgumentOutOfRangeException>(() => set.Augmented(augmentation, 4, 13));
        Assert.Throws<ArgumentOutOfRangeException>(() => set.Augmented((Augmentation)9, 4));
    }

    [Fact]
    public void Evaluation_keeps_the_order_and_the_pixels()
    {
        ImageSet set = Noise(9, 3, 12);
        Loader loader = new Loader(set, new LoaderOptions { Augmentation = Augmentation.CropFlip, ImageSize = 8 }).ForEvaluation(batchSize: 4);
        float[] values = Values(loader);
        Assert.Equal(values, Values(loader));
        Assert.Equal(9 * 3 * 64, values.Length);
        // Image 5, blue, row 1, column 2 of the centre crop is row 3, column 4 of the stored image.
        float expected = (float)((set.Pixels(5)[2 * 144 + 3 * 12 + 4] / 255.0 - (double)0.406f) / (double)0.225f);
        Assert.Equal(expected, values[5 * 192 + 2 * 64 + 8 + 2]);
    }

    [Fact]
    public void Gray_is_tripled_and_color_weighted_down_as_the_normalization_asks()
    {
        ImageSet gray = new([[51]], [0], ["a", "b"], 1, 1, 1),
            color = new([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], [0, 0, 0, 0], ["a", "b"], 3, 1, 1);
        Normalization plain = new([0, 0, 0], [1, 1, 1]);
        Assert.Equal([0.2f, 0.2f, 0.2f], Values(new Loader(gray, new LoaderOptions { Normalization = plain })));
        float[] down = Values(new Loader(color, new LoaderOptions { Normalization = Gray, Shuffle = false }));
        for (int i = 0; i < 4; i++)
            Assert.Equal(new[] { 76f, 150, 29, 9 }[i], down[i], 1e-4f);
    }

    [Fact]
    public void Batches_die_with_the_loop_and_taken_ones_live_on()
    {
        ImageSet set = Noise(12, 3, 4);
        var loader = new Loader(set, new LoaderOptions { BatchSize = 4 });
        using var scope = NewDisposeScope();
        Tensor? previous = null;
        Batch? kept = null;
        foreach (Batch batch in loader)
        {
            Assert.True(previous is null || previous.IsInvalid);
            previous = batch.Images;
            kept ??= batch.Take();
            if (ReferenceEquals(kept, batch))
                previous = null;
        }

        Assert.True(previous!.IsInvalid);
        Assert.False(kept!.Images.IsInvalid);
        Assert.Equal(0, scope.DisposablesCount); // nothing of the loader's joins the consumer's scope
        kept.Dispose();
        Assert.Contains("until the loop asks for the next one", Assert.Throws<ObjectDisposedException>(() => kept.Images).Message);
        Assert.Throws<ObjectDisposedException>(() => kept.Labels);
        Assert.Throws<ObjectDisposedException>(() => (_, _) = kept);
        Assert.Equal(4, kept.Count);
        kept.Dispose();
    }

    [Fact]
    public void Leaving_the_loop_early_gives_the_batch_back_and_the_loader_goes_on()
    {
        var loader = new Loader(Noise(40, 1, 4), new LoaderOptions { BatchSize = 2, Normalization = Gray });
        for (int round = 0; round < 20; round++)
        {
            Tensor? images = null;
            foreach ((Tensor x, _) in loader)
            {
                images = x;
                break;
            }

            Assert.True(images!.IsInvalid);
        }

        Assert.Equal(20, loader.NextEpoch);
        Assert.Equal(20, loader.Epoch(3).Count());
    }

    [Fact]
    public void Cancellation_ends_the_loop()
    {
        var loader = new Loader(Noise(40, 1, 4), new LoaderOptions { BatchSize = 2, Normalization = Gray });
        using var stop = new CancellationTokenSource();
        int batches = 0;
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (Batch _ in loader.Epoch(0, stop.Token))
                if (++batches == 3)
                    stop.Cancel();
        });
        Assert.Equal(3, batches);
        Assert.ThrowsAny<OperationCanceledException>(() => loader.Epoch(0, stop.Token).Count());
    }

    [Fact]
    public void An_exception_of_the_background_thread_comes_out_of_the_loop()
    {
        var loader = new Loader(Noise(9, 1, 4), new LoaderOptions { BatchSize = 2, Normalization = Gray })
        {
            BeforeBatch = (_, indices) =>
            {
                if (indices.Contains(8))
                    throw new InvalidOperationException("made by the test");
            },
        };
        Assert.Equal("made by the test", Assert.Throws<InvalidOperationException>(() => loader.Count(b => b.Count > 0)).Message);
    }

    [Fact]
    public void Wrong_options_name_the_field_and_what_is_allowed()
    {
        ImageSet set = Noise(2, 1, 4);
        Assert.Contains("at most 4", Assert.Throws<ArgumentException>(() => new Loader(set, new LoaderOptions { ImageSize = 5 })).Message);
        Assert.Contains("BatchSize must be an integer of at least 1",
            Assert.Throws<ArgumentOutOfRangeException>(() => new LoaderOptions { BatchSize = 0 }).Message);
        Assert.Contains("crop-flip", Assert.Throws<ArgumentOutOfRangeException>(() => new LoaderOptions { Augmentation = (Augmentation)9 }).Message);
        Assert.Throws<ArgumentException>(() => new Loader(set.Subset([])));
        Assert.Throws<ArgumentException>(() => new Normalization([0, 0], [1, 1]));
        Assert.Throws<ArgumentException>(() => new Normalization([0], [0]));
        Assert.Throws<ArgumentException>(() => new ImageSet([new byte[3]], [0], ["a"], 1, 2, 2));
        Assert.Throws<ArgumentException>(() => new ImageSet([new byte[4]], [1], ["a"], 1, 2, 2));
    }

    private static ImageSet Noise(int count, int channels, int side)
    {
        var random = new Random(6);
        byte[][] pixels = new byte[count][];
        for (int i = 0; i < count; i++)
            random.NextBytes(pixels[i] = new byte[channels * side * side]);
        return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 2)], ["a", "b"], channels, side, side);
    }

    private static float[] Values(IEnumerable<Batch> batches) => [.. batches.SelectMany(b => b.Images.data<float>().ToArray())];
}
