namespace Polder.Vision.Recipes;

/// <summary>
/// The images of a run as small pictures, square as its network sees them. They are found by name and content: an image that was changed or removed
/// since has none.
/// </summary>
public sealed class RunPictures
{
    /// <summary>The longer side of a picture, in pixels.</summary>
    public const int Side = 144;

    private readonly RunFolder _run;
    private readonly Lazy<DataSplits?> _opened;
    private readonly bool _areFiles;

    /// <summary>Finds the images of a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="splits">Its images where they are at hand, in their order; null: they are read when they are asked for.</param>
    public RunPictures(RunFolder run, DataSplits? splits = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        _run = run;
        _opened = splits is null ? new(Open) : new(splits);
        _areFiles = splits is null && run.Images?.Parts.Values.SelectMany(p => p.Names).FirstOrDefault() is { } name
            && ImageDecoder.Endings.Contains(Path.GetExtension(name));
    }

    /// <summary>The picture of an image as a data URI; null where it is not found.</summary>
    /// <param name="part">The part of the run: train, validation or test.</param>
    /// <param name="index">Its index there.</param>
    public string? DataUri(string part, int index)
    {
        if (_areFiles)
            return OfFile(part, index);
        if (_opened.Value?.Part(part) is not { } set || (uint)index >= (uint)set.Count
            || (_run.Images is { } images && images.Parts[part].Names.Count != set.Count))
            return null;
        return PictureEncoder.ToDataUri(set.Pixels(index), set.Channels, set.Height, set.Width, Side);
    }

    private string? OfFile(string part, int index)
    {
        RunImages images = _run.Images!;
        RunPart of = images.Parts[part];
        string above = File.Exists(images.Place) ? Path.GetDirectoryName(images.Place)! : images.Place;
        string file = Path.GetFullPath(of.Names[index], above);
        try
        {
            if (!File.Exists(file) || RunImages.HashOfFile(file) != of.Hashes[index])
                return null;
            int side = Math.Min(images.ImageSize, Side);
            return PictureEncoder.ToDataUri(ImageDecoder.Decode(file, side, images.Metadata.Fit), 3, side, side, Side);
        }
        catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException)
        {
            return null; // it was readable when the run had it
        }
    }

    // Images that are not files of their own: the whole set is read for a few of them.
    private DataSplits? Open()
    {
        try
        {
            Recipe recipe = _run.ReadRecipe().LocatedBy(_run);
            if (recipe.IsDemo)
                return DigitsDemo.Splits(recipe.Data.Shots ?? DigitsDemo.DefaultShots, recipe.Seed);
            if (_run.Images is not { } images)
                return null;
            ImageData data = recipe.Data.Open(new ImageSourceOptions { ImageSize = images.ImageSize, Fit = images.Metadata.Fit, ToJudge = true });
            return images.In(data.KnownAmong(images.Metadata.Classes), recipe.Data.Source).Splits;
        }
        catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException)
        {
            return null; // the data is gone
        }
    }
}
