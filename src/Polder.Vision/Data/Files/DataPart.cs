namespace Polder.Vision.Data.Files;

/// <summary>A part of a data set.</summary>
internal enum DataPart
{
    Train,
    Validation,
    Test,

    /// <summary>It may be the validation or the test part.</summary>
    Unclear,
}

/// <summary>What people call the parts, of folders and in lists alike: Train, TRAINING, test_set, val2017, validation-images.</summary>
internal static class DataParts
{
    /// <summary>The part that a name means; null where it is none.</summary>
    public static DataPart? Of(string text)
    {
        string name = new([.. text.ToLowerInvariant().Where(char.IsLetter)]);
        foreach (string word in (string[])["images", "data", "set"])
            name = name.Replace(word, "", StringComparison.Ordinal);
        return name switch
        {
            "train" or "training" or "trn" => DataPart.Train,
            "val" or "vali" or "valid" or "validate" or "validation" or "dev" => DataPart.Validation,
            "test" or "tests" or "testing" or "tst" => DataPart.Test,
            "eval" or "evaluation" or "evaluate" or "holdout" => DataPart.Unclear,
            _ => null,
        };
    }
}
