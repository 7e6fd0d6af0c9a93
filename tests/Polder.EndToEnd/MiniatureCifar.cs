namespace Polder.EndToEnd;

/// <summary>A data set in CIFAR-10's binary layout that is quick to train on: a class is a shade, with noise from a seeded generator.</summary>
internal static class MiniatureCifar
{
    private const int Classes = 10, Pixels = 3 * 32 * 32;

    public static string Write(string folder, int trainPerClass = 6, int testPerClass = 2)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "data_batch_1.bin"), Records(trainPerClass, seed: 1));
        File.WriteAllBytes(Path.Combine(folder, "test_batch.bin"), Records(testPerClass, seed: 2));
        return folder;
    }

    private static byte[] Records(int perClass, int seed)
    {
        var random = new Random(seed);
        using var stream = new MemoryStream();
        for (int i = 0; i < perClass * Classes; i++)
        {
            int label = i % Classes;
            stream.WriteByte((byte)label);
            for (int p = 0; p < Pixels; p++)
                stream.WriteByte((byte)((label * 22) + random.Next(40)));
        }
        return stream.ToArray();
    }
}
