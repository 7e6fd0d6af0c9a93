using System.Buffers.Binary;
using Polder.Vision.Data;
using Polder.Vision.Data.Layouts;

namespace Polder.Vision.Tests.Data.Layouts;

/// <summary>Each published form as a miniature with the same folders, lists and quirks; the color of an image says which it is.</summary>
public sealed class PublishedLayoutTests : IDisposable
{
    private static readonly ImageSourceOptions Tiny = new() { ImageSize = 4 };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("fgvc-aircraft-2013b/data/")]
    [InlineData("data/")]
    public void Aircraft_has_its_official_parts(string below)
    {
        Text(below + "variants.txt", "707-320\nF/A-18\nDC-9-30\n");
        Text(below + "images_variant_train.txt", "0000001 707-320\n0000002 F/A-18\n0000003 DC-9-30\n");
        Text(below + "images_variant_val.txt", "0000004 F/A-18\n");
        Text(below + "images_variant_test.txt", "0000005 DC-9-30\n0000006 707-320\n");
        for (int i = 1; i <= 6; i++)
            Image($"{below}images/000000{i}.jpg", i);
        ImageData data = Load("aircraft");
        // As in variants.txt, not sorted.
        Assert.Equal(["707-320", "F/A-18", "DC-9-30"], data.Classes);
        AssertContent([0, 1, 2], [1, 2, 3], data.Train);
        AssertContent([1], [4], data.Validation!);
        AssertContent([2, 0], [5, 6], data.Test!);
    }

    [Theory]
    [InlineData("caltech256", "256_ObjectCategories/", "257.clutter")]
    [InlineData("caltech101", "101_ObjectCategories/", "BACKGROUND_Google")]
    public void Caltech_is_cut_30_20_20_a_class_without_the_background(string name, string below, string background)
    {
        foreach ((string category, int count) in ((string, int)[])[("001.ak47", 80), ("002.flag", 35), (background, 9)])
            for (int i = 1; i <= count; i++)
                _folder.Image($"{below}{category}/{category[..3]}_{i:0000}.jpg");
        ImageData data = Load(name);
        Assert.Equal(["001.ak47", "002.flag"], data.Classes);
        DataSplits splits = data.Split(new SplitOptions { Seed = 1, TestSeed = 0 });
        // 35 images are cut in the same proportions, 15 / 10 / 10.
        Assert.Equal([30, 15], splits.Train.ClassCounts());
        Assert.Equal([20, 10], splits.Validation.ClassCounts());
        Assert.Equal([20, 10], splits.Test.ClassCounts());
        Assert.Equal(105, new[] { splits.Train, splits.Validation, splits.Test }.SelectMany(Origins).Distinct().Count());
        // The test images do not depend on the seed, the others do.
        DataSplits other = data.Split(new SplitOptions { Seed = 2, TestSeed = 0 });
        Assert.Equal(Origins(splits.Test), Origins(other.Test));
        Assert.NotEqual(Origins(splits.Train), Origins(other.Train));
    }

    [Fact]
    public void Indoor67_has_its_official_lists()
    {
        Text("TrainImages.txt", "gameroom/bt 1.jpg\nairport_inside/a_2.jpg\n");
        Text("TestImages.txt", "gameroom/g_3.jpg");
        Image("Images/gameroom/bt 1.jpg", 1);
        Image("Images/airport_inside/a_2.jpg", 2);
        Image("Images/gameroom/g_3.jpg", 3);
        Image("Images/gameroom/in_no_list.jpg", 4);
        ImageData data = Load("indoor67");
        Assert.Equal(["airport_inside", "gameroom"], data.Classes);
        AssertContent([1, 0], [1, 2], data.Train);
        AssertContent([1], [3], data.Test!);
        Assert.Null(data.Validation);
    }

    [Fact]
    public void Cub200_joins_its_lists()
    {
        Text("CUB_200_2011/classes.txt", "1 001.Albatross\n2 002.Auk\n");
        Text("CUB_200_2011/images.txt", "1 001.Albatross/A_1.jpg\n2 001.Albatross/A_2.jpg\n3 002.Auk/B_3.jpg\n4 002.Auk/B_4.jpg\n");
        Text("CUB_200_2011/image_class_labels.txt", "1 1\n2 1\n3 2\n4 2\n");
        Text("CUB_200_2011/train_test_split.txt", "1 0\n2 1\n3 1\n4 0\n");
        foreach ((int i, string path) in ((string[])["001.Albatross/A_1", "001.Albatross/A_2", "002.Auk/B_3", "002.Auk/B_4"]).Index())
            Image($"CUB_200_2011/images/{path}.jpg", i + 1);
        ImageData data = Load("cub200");
        Assert.Equal(["001.Albatross", "002.Auk"], data.Classes);
        AssertContent([0, 1], [2, 3], data.Train);
        AssertContent([0, 1], [1, 4], data.Test!);
    }

    [Fact]
    public void Aptos_is_cut_60_20_20_grade_by_grade()
    {
        int[] counts = [50, 20, 10, 5, 5];
        int[] grades = [.. counts.SelectMany((n, grade) => Enumerable.Repeat(grade, n))];
        Text("train.csv", "id_code,diagnosis\n" + string.Concat(grades.Select((g, i) => $"{i:x12},{g}\n")));
        for (int i = 0; i < grades.Length; i++)
            _folder.Image($"train_images/{i:x12}.png");
        Text("test.csv", "id_code\nffffffffffff\n");
        DataSplits splits = Load("aptos2019").Split(new SplitOptions());
        Assert.Equal([30, 12, 6, 3, 3], splits.Train.ClassCounts());
        Assert.Equal([10, 4, 2, 1, 1], splits.Validation.ClassCounts());
        Assert.Equal([10, 4, 2, 1, 1], splits.Test.ClassCounts());
    }

    [Fact]
    public void Messidor_finds_its_images_under_other_endings_and_leaves_out_ungradable_ones()
    {
        Text("messidor_data.csv", """
            image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable
            20051020_43808_0100_PP.png,0,0,1
            20051020_43832_0100_PP.png,1.0,0,1
            IM003718.jpg,,,0
            IM000001.JPG,4,1,1
            """);
        Image("IMAGES/20051020_43808_0100_PP.png", 1);
        Image("IMAGES/20051020_43832_0100_PP.png", 2);
        Image("IMAGES/IM000001.jpg", 3);
        AssertContent([0, 1, 4], [1, 2, 3], Load("messidor2").Train);
    }

    [Fact]
    public void Cifar_and_Idx_are_told_apart_and_Fashion_names_its_classes()
    {
        byte[] record = new byte[3073];
        record[0] = 7;
        _folder.File("c/cifar-10-batches-bin/data_batch_1.bin", record);
        Assert.Equal(7, Load("cifar10", "c").Train.Labels[0]);
        Assert.Contains("holds cifar-10, not cifar-100", Assert.Throws<DataException>(() => Load("cifar100", "c")).Message);

        byte[] images = new byte[16 + 2 * 16], labels = [0, 0, 8, 1, 0, 0, 0, 2, 9, 1];
        BinaryPrimitives.WriteInt32BigEndian(images, 0x0803);
        foreach ((int i, int size) in ((int[])[2, 4, 4]).Index())
            BinaryPrimitives.WriteInt32BigEndian(images.AsSpan(4 + 4 * i), size);
        foreach (string part in (string[])["train", "t10k"])
        {
            _folder.File($"f/FashionMNIST/raw/{part}-images-idx3-ubyte", images);
            _folder.File($"f/FashionMNIST/raw/{part}-labels-idx1-ubyte", labels);
        }
        ImageData fashion = Load("fashion-mnist", "f");
        Assert.Equal(("Ankle boot", "Trouser"), (fashion.Classes[fashion.Train.Labels[0]], fashion.Test!.Classes[fashion.Test.Labels[1]]));
        Assert.Equal("9", Load("mnist", "f/FashionMNIST/raw").Classes[9]);
    }

    [Fact]
    public void A_list_that_is_wrong_is_named_with_its_line()
    {
        Text("TrainImages.txt", "a/1.jpg\nb/2.jpg\n");
        Text("TestImages.txt", "c/3.jpg\n");
        Assert.Contains("class 'c' has no image for training", Assert.Throws<DataException>(() => Load("indoor67")).Message);
        Text("TestImages.txt", "a/1.jpg\n");
        DataException missing = Assert.Throws<DataException>(() => Load("indoor67"));
        Assert.Contains("there is no such file", missing.Message);
        Assert.EndsWith(Path.Combine("Images", "a/1.jpg"), missing.Path);
        Text("train.csv", "id_code,diagnosis\nx,5\n");
        Assert.Contains("line 2: the grade is '5'; allowed are 0 to 4", Assert.Throws<DataException>(() => Load("aptos2019")).Message);
        string empty = _folder.Folder("empty");
        Assert.All(PublishedLayout.All, layout => Assert.Throws<DataException>(() => layout.Load(empty, Tiny)));
    }

    private ImageData Load(string name, string below = "") => PublishedLayout.Find(name)!.Load(Path.Combine(_folder.Path, below), Tiny);

    private void Text(string path, string content) => _folder.File(path, System.Text.Encoding.UTF8.GetBytes(content));

    // The red channel says the number: a PNG whatever its ending, so that it comes back exactly.
    private void Image(string path, int number) => _folder.Image(path, rgb: (uint)(number << 16));

    private static void AssertContent(int[] labels, int[] numbers, ImageSet set)
    {
        Assert.Equal(labels, set.Labels);
        Assert.Equal(numbers, Enumerable.Range(0, set.Count).Select(i => (int)set.Pixels(i)[0]));
    }

    private static string[] Origins(ImageSet set) => [.. Enumerable.Range(0, set.Count).Select(set.Origin)];
}
