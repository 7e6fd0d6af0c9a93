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

    // What R, pandas and spreadsheets write: quoted headers, an index, further columns, another order and separator, spaces, quoted line ends, other names.
    [Theory]
    [InlineData("path,label\na.png,a\nb.png,b\n")]
    [InlineData("\"path\",\"label\"\n\"a.png\",\"a\"\n\"b.png\",\"b\"\n")]
    [InlineData("\"\",\"label\",\"path\"\r\n\"1\",\"a\",\"a.png\"\r\n\"2\",\"b\",\"b.png\"")]
    [InlineData(",filename,width,class\n0,a.png,48,a\n1,b.png,,b\n", "an index, width")]
    [InlineData("path, label\n a.png, \"a\"\n\tb.png , b\n")]
    [InlineData("Image_Path;Category\na.png;a\nb.png;b\n")]
    [InlineData("file\ttarget\tSet\na.png\ta\tTRAIN\nb.png\tb\ttraining\n")]
    [InlineData("remark,path,label\n\"two\nlines, \"\"and\"\" more\",a.png,a\n\n,b.png,b\n", "remark")]
    [InlineData("\uFEFFpath,label\ra.png,a\rb.png,b")]
    public void A_list_of_another_program_is_read_by_its_header(string content, string? ignored = null)
    {
        using var folder = new TemporaryFolder();
        folder.Image("a.png");
        folder.Image("b.png");
        foreach (Encoding encoding in (Encoding[])[new UTF8Encoding(false), new UTF8Encoding(true), Encoding.Unicode, Encoding.BigEndianUnicode])
        {
            byte[] mark = content[0] == '\uFEFF' ? [] : encoding.GetPreamble();
            ImageData data = ImageList.Load(folder.File("list.csv", [.. mark, .. encoding.GetBytes(content)]), new ImageSourceOptions { ImageSize = 2 });
            Assert.Equal(["a", "b"], data.Classes);
            Assert.Equal([0, 1], data.Train.Labels);
            Assert.EndsWith("b.png", data.Train.Origin(1));
            if (ignored is not null)
                Assert.EndsWith($"not read: {ignored}", Assert.Single(data.Remarks));
        }
    }

    [Fact]
    public void A_list_that_is_no_UTF8_is_refused_with_its_line()
    {
        using var folder = new TemporaryFolder();
        folder.Image("a.png");
        string list = folder.File("list.csv", Encoding.Latin1.GetBytes("path,label\na.png,tea\na.png,caf\u00E9\na.png,caf\u00E8\n"));
        Assert.Contains("list.csv: line 3 is not UTF-8 (byte 0xE9)", Assert.Throws<DataException>(() => ImageList.Load(list)).Message);
        Assert.Contains("is no text in UTF-8", Assert.Throws<DataException>(
            () => ImageList.Load(folder.File("wide.csv", Encoding.Unicode.GetBytes("path,label\na.png,a\n")))).Message);
    }

    [Theory]
    [InlineData("", "first line is path,label")]
    [InlineData("name,grade\n", "'name,grade'")]
    [InlineData("path,file,class\na,b,c\n", "the columns 'path' and 'file', which mean the same")]
    [InlineData("path,label\na.png\n", "line 2")]
    [InlineData("path,label\na.png,x,train\n", "2 fields are needed")]
    [InlineData("path,label\n\"a.png,x\n", "line 2")]
    [InlineData("path,label\n\"a\"b.png,x\n", "line 2")]
    [InlineData("path,label,split\na.png,x,later\n", "split is 'later'; allowed are train, val and test")]
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
