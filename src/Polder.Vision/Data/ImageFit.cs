namespace Polder.Vision.Data;

/// <summary>How a picture that is not square becomes the square that the network sees. A square picture is the same in all three.</summary>
public enum ImageFit
{
    /// <summary>The shorter side is brought to the square's, and its centre is seen: what stands at the ends of the longer side is not. The default.</summary>
    Crop,

    /// <summary>The longer side is brought to the square's, with black beside the picture: all of it is seen, in its proportions, but smaller.</summary>
    Letterbox,

    /// <summary>Both sides are brought to the square's: all of it is seen, out of proportion.</summary>
    Stretch,
}
