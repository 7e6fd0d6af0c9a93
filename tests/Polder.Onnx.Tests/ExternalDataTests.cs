using Polder.Checkpoints.Onnx.Wire;

namespace Polder.Onnx.Tests;

/// <summary>Constants in files beside the model: read where they lie in its folder, refused where they do not.</summary>
public sealed class ExternalDataTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-onnx-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Data_in_the_folder_are_read_and_data_through_a_link_are_not()
    {
        float[] values = [0.5f, -1, 2, 8];
        Directory.CreateDirectory(In("inner/weights"));
        File.WriteAllBytes(In("inner/weights/all.bin"), [9, 9, 9, .. values.SelectMany(BitConverter.GetBytes), 9]);
        File.WriteAllBytes(In("secret.bin"), new byte[16]);
        using (OnnxFile file = OnnxFile.Open(Write(("location", "weights/all.bin"), ("offset", "3"), ("length", "16"))))
        {
            using Tensor read = file.Model.Graph.Constants["w"].ToTensor();
            Assert.Equal(values, read.data<float>().ToArray());
        }
        Refuses("takes 16 bytes at 5 of", ("location", "weights/all.bin"), ("offset", "5"));
        Refuses("takes 16 bytes at -1 of", ("location", "weights/all.bin"), ("offset", "-1"));
        Refuses("takes 16 bytes at 9223372036854775807 of", ("location", "weights/all.bin"), ("offset", "9223372036854775807"));
        Refuses("takes 4 bytes at 0 of", ("location", "weights/all.bin"), ("length", "4"));
        Refuses("offset '0x3', allowed: a whole number", ("location", "weights/all.bin"), ("offset", "0x3"));
        Refuses("without a location", ("offset", "3"));
        Refuses("allowed: a file in the model's folder", ("location", "../secret.bin"));
        Refuses("allowed: a file in the model's folder", ("location", "weights/../../secret.bin"));
        Refuses("allowed: a file in the model's folder", ("location", In("secret.bin")));
        Refuses("which is not there", ("location", "weights"));
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        File.CreateSymbolicLink(In("inner/link.bin"), In("secret.bin"));
        Directory.CreateSymbolicLink(In("inner/out"), _folder);
        Refuses("which is a link", ("location", "link.bin"));
        Refuses("which is a link", ("location", "out/secret.bin"));
    }

    private void Refuses(string words, params (string Key, string Value)[] entries)
    {
        string path = Write(entries), message = Assert.Throws<OnnxException>(() => OnnxFile.Open(path)).Message;
        Assert.StartsWith($"{path}: initializer 0: 'w' ", message);
        Assert.Contains(words, message);
    }

    // x + w, where w has four floats.
    private string Write(params (string Key, string Value)[] entries)
    {
        var value = new OnnxValue("", OnnxType.Float, [new(4)]);
        var graph = new OnnxGraph("g", [value with { Name = "x" }], [value with { Name = "y" }],
            [new("Add", "add", ["x", "w"], ["y"], new Dictionary<string, object>())], new Dictionary<string, OnnxTensor>());
        var file = new WireWriter();
        file.Long(1, 8);
        file.Message(8, opset => opset.Long(2, 17));
        file.Message(7, message =>
        {
            message.Message(5, tensor =>
            {
                tensor.Longs(1, [4]);
                tensor.Long(2, 1);
                tensor.Text(8, "w");
                foreach ((string key, string text) in entries)
                {
                    tensor.Message(13, entry =>
                    {
                        entry.Text(1, key);
                        entry.Text(2, text);
                    });
                }
                tensor.Long(14, 1);
            });
            ModelWriter.Graph(message, graph);
        });
        using (FileStream stream = File.Create(In("inner/model.onnx")))
            file.CopyTo(stream);
        return In("inner/model.onnx");
    }

    private string In(string path) => Path.Combine(_folder, path);
}
