using System.Security.Cryptography;

namespace Polder.Vision.Data;

/// <summary>Images that are the same pixel by pixel.</summary>
public static class ImageCopies
{
    /// <summary>The number of images that equal an earlier one of the set, whatever their labels.</summary>
    /// <param name="images">The images.</param>
    public static int Count(ImageSet images)
    {
        ArgumentNullException.ThrowIfNull(images);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        int copies = 0;
        for (int i = 0; i < images.Count; i++)
            if (!seen.Add(Convert.ToHexString(SHA256.HashData(images.Pixels(i)))))
                copies++;
        return copies;
    }
}
