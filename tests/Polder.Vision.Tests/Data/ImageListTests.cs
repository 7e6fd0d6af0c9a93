using System.Text;
using Polder.Vision.Data;

namespace Polder.Vision.Tests.Data;

public class ImageListTests
{
    [Fact]
    public void A_list_gives_paths_labels_and_parts()
    {
        using var folder = new TemporaryFolder();
        foreach (string name in (string[])["a.png", "deep/b.png", "c, \"d\".png"])
            folder.Image($"images/{name}", rgb: (uint)(name.Length << 16));
        string list = folder.File("grades.csv", Encoding.UTF8.GetBytes(
            "path,label,split\nimages/a.png,10,train\n\nimages/deep/b.png, 9 ,train\n\"images/c, \"\"d\"\".png\",\"9\",test\n"));
        ImageData data = ImageSources.Open(list, new ImageSourceOptions { ImageSize = 2 });
        Assert.Equal("grades", data.Name);
        Assert.Equal(["9", "10"], data.Classes); // whole numbers by value
        Assert.Equal([1, 0], data.Train.Labels);
        Assert.Equal(10, data.Train.Pixels(1)[0]);
        Assert.Null(data.Validation);
        Assert.Equal([0], data.Test!.Labels);
        Assert.EndsWith("c, \"d\".png", data.Test.Origin(0));
    }

    [Theory]
    [InlineData("", "first line is path,label")]
    [InlineData("file,class\n", "'file,class'")]
    [InlineData("path,label\na.png\n", "line 2")]
    [InlineData("path,label\na.png,x,train\n", "2 fields are needed")]
    [InlineData("path,label\n\"a.png,x\n", "line 2")]
    [InlineData("path,label\n\"a\"b.png,x\n", "line 2")]
    [InlineData("path,label,split\na.png,x,dev\n", "split is 'dev'; allowed are train, val and test")]
    [InlineData("path,label\na.png,x\n", "1 class(es)")]
    [InlineData("path,label,split\na.png,x,train\na.png,y,train\na.png,z,test\n", "line 4: class 'z'")]
    [InlineData("path,label\na.png,x\nabsent.png,y\n", "absent.png: there is no such file")]
    public void A_wrong_list_names_the_line(string content, string words)
    {
        using var folder = new TemporaryFolder();
        folder.Image("a.png");
        string list = folder.File("list.csv", Encoding.UTF8.GetBytes(content));
        Assert.Contains(words, Assert.ThrowsAny<DataException>(() => ImageList.Load(list, new ImageSourceOptions { ImageSize = 2 })).Message);
    }
}
