namespace Polder.Vision.Recipes;

/// <content>The settings of the network that a training starts from: its weights, its inputs, what of it is trained, and its head.</content>
public static partial class RecipeFields
{
    private static RecipeField[] NetworkFields() =>
    [
        new("weights", ValueKind.Text("FILE|NAME", "a checkpoint file or the name of downloaded weights"),
            "the weights: safetensors, PyTorch (.pth, .pt, .th) or ONNX, or published ones by name (polder weights)",
            r => r.Start.Weights, (r, v) => r with { Start = r.Start with { Weights = (string?)v } })
        { DefaultText = $"{PackagedWeights.Name}, ImageNet's; with another {{arch}} random ones" },
        new("arch", ValueKind.Word([.. Architectures.All.Select(a => a.Name), ForeignNetworks.Name]),
            "the network's architecture; onnx: the graph of an ONNX file",
            r => r.Start.Architecture,
            (r, v) => r with { Start = r.Start with { Architecture = (string?)v } }) { DefaultText = "the one that the weights name" },
        new("image-size", ValueKind.Count(ValueRange.Between(8, 4096)), "side of the images that the network sees, in pixels",
            r => r.Start.ImageSize, (r, v) => r with { Start = r.Start with { ImageSize = (int?)v } }) { DefaultText =
                "the one that the weights or the architecture name", Idle = NotOfDemo },
        new("fit", Words(ImageFit.Crop, ImageFit.Letterbox, ImageFit.Stretch),
            "how a picture becomes a square: its centre, the whole with black beside it, or the whole out of proportion",
            r => r.Start.Fit is { } fit ? Word(fit) : null,
            (r, v) => r with { Start = r.Start with { Fit = v is null ? null : Named<ImageFit>(v) } })
        {
            DefaultText = "that of the weights, else crop",
            Idle = NotOfDemo,
        },
        new("key-prefix", ValueKind.Text("PREFIX", "the beginning of names of tensors"),
            "which tensors of {weights} are meant, by the beginning of their names, which is taken off",
            r => r.Start.KeyPrefix, (r, v) => r with { Start = r.Start with { KeyPrefix = (string?)v } })
        {
            DefaultText = "found out",
            Idle = r => r.Start.Weights is null ? "only with {weights}" : null,
        },
        new("normalize", ValueKind.Custom("MEAN/STD", "imagenet, none, or as 0.5,0.5,0.5/0.25,0.25,0.25", text => Normalization.Parse(text) is null
            ? null : text),
            "mean and standard deviation of each channel that the network's inputs are made with",
            r => r.Start.Normalize, (r, v) => r with { Start = r.Start with { Normalize = (string?)v } })
        {
            DefaultText = "those that the weights name, else imagenet",
            Idle = r => r.IsDemo ? "only with {weights} or {arch}" : null,
        },
        OfOnnx("head-output", "NAME", "which value of an ONNX file has the logits, where it has several outputs or its head is not found",
            s => s.HeadOutput, (s, v) => s with { HeadOutput = v }, "found out"),
        OfOnnx("features", "NAME", "which value of an ONNX file has the features, behind which a new head comes",
            s => s.Features, (s, v) => s with { Features = v }, "found out"),
        OfOnnx("channels", "rgb|bgr", "which color an ONNX file takes first", s => s.Channels, (s, v) => s with { Channels = v }, "as it says, else rgb"),
        Training("freeze-body", ValueKind.Flag, "train the head alone, on the features of the frozen body: a linear probe",
            t => t.FreezeBody, (t, v) => t with { FreezeBody = v is true }),
        Training("freeze",
            ValueKind.Custom("A,B,C|none", "names or patterns, comma-separated, that match, or none", text => text.Length > 0 ? text : null),
            "parameters that are not trained, by name; * stands for any letters (conv1.*,bn1.*,layer1.*); a frozen BatchNorm keeps its statistics",
            t => t.Said.Freeze is not { } names ? null : names.Count == 0 ? TrainingOptions.None : string.Join(',', names),
            (t, v) => v is not string text ? t : t with { Freeze = TrainingOptions.NamesOf(text) },
            "none; with the ImageNet network all but the last stage (effort thorough: BatchNorm)"),
        Training("head-epochs", ValueKind.Count(NotNegative), "first epochs in which the head alone is trained, on a frozen body",
            t => t.HeadEpochs, (t, v) => t with { HeadEpochs = (int?)v ?? 0 }),
        Training("head-solver", Words(HeadSolver.None, HeadSolver.Lbfgs),
            "how the head is fitted on the body's features before the first epoch: not at all, or as logistic regression by L-BFGS",
            t => t.Said.HeadSolver is { } solver ? Word(solver) : null, (t, v) => v is null ? t : t with { HeadSolver = Named<HeadSolver>(v) },
            "lbfgs with the ImageNet network, else none",
            idle: r => r.IsDemo || r.Start.Weights is not null || r.Training.HeadSolver == HeadSolver.None ? null
                : "only with {weights}: features of random weights say little"),
        new("head-l2", ValueKind.Custom("X|auto", "auto, or a number > 0 and <= 1000000", text => text == "auto" ? text : L2.Read(text)),
            "L2 penalty of the fitted head, for features of mean square 1; auto: of 1, 0.1 ... 0.000001 the one of the lowest validation loss",
            r => r.Training.HeadL2 ?? (object)"auto", (r, v) => r with { Training = r.Training with { HeadL2 = v as double? } })
        {
            Idle = r => r.Training.HeadSolver == HeadSolver.None ? "only with {head-solver}" : null,
        },
        new("head-start-l2", ValueKind.Custom("X|kept", "kept, or a number > 0 and <= 1000000", text => text == "kept" ? text : L2.Read(text)),
            "L2 penalty of the head that the epochs begin with, so that the network has something to learn; kept: of the head that is kept where no "
                + "epoch is better",
            r => r.Training.Said.HeadStartL2 is { } l2 ? l2 == 0 ? "kept" : l2 : null,
            (r, v) => v is null ? r : r with { Training = r.Training with { HeadStartL2 = v as double? ?? 0 } })
        {
            DefaultText = "1 with effort normal or thorough where no {head-solver} and {head-l2} are given, else kept",
            FormerValue = "kept",
            Idle = r => r.Training.HeadStartL2 == 0 ? null : r.Training.HeadSolver == HeadSolver.None ? "only with {head-solver}"
                : r.Training.Said.Epochs == 0 ? "only with {epochs} above 0" : null,
        },
        Training("head-images", Words(HeadImages.Training, HeadImages.All),
            "images that the fitted head is kept of; all: once more, on training and validation images, when these have chosen its penalty, "
                + "and that no epoch is better",
            t => t.Said.HeadImages is { } images ? Word(images) : null, (t, v) => v is null ? t : t with { HeadImages = Named<HeadImages>(v) },
            "all with effort and all training images, else training",
            idle: r => r.Training is { HeadImages: HeadImages.All, HeadSolver: HeadSolver.None } ? "only with {head-solver}" : null),
    ];

    private static RecipeField OfOnnx(
        string name, string words, string summary, Func<StartRecipe, string?> get, Func<StartRecipe, string?, StartRecipe> set, string otherwise) => new(
        name, words == "NAME" ? ValueKind.Text(words, "the name of a value") : ValueKind.Word(words.Split('|')), summary,
        r => get(r.Start), (r, v) => r with { Start = set(r.Start, (string?)v) })
        {
            DefaultText = otherwise,
            Idle = r => r.Start.Weights is null ? "only with {weights}" : null,
        };
}
