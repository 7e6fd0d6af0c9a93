namespace Polder.Vision.Data.Layouts;

/// <summary>What a layout's loader is given.</summary>
/// <param name="Folder">The folder of the user, or the file where the set is one.</param>
/// <param name="Options">Image size and threads.</param>
/// <param name="Progress">Told how many images are decoded; null: nobody.</param>
/// <param name="Cancellation">Stops decoding.</param>
internal sealed record LayoutRequest(string Folder, ImageSourceOptions Options, IProgress<DecodingProgress>? Progress, CancellationToken Cancellation);

/// <summary>A data set in the form in which it is published: its folders, its lists, its official parts.</summary>
public sealed class PublishedLayout
{
    private readonly Func<LayoutRequest, ImageData> _load;

    internal PublishedLayout(string name, string summary, string contents, Func<LayoutRequest, ImageData> load) =>
        (Name, Summary, Contents, _load) = (name, summary, contents, load);

    /// <summary>All layouts by name.</summary>
    public static IReadOnlyList<PublishedLayout> All { get; } =
    [
        new("aircraft", "FGVC-Aircraft, 100 variants, official train / val / test", "data/images_variant_train.txt", Aircraft.Load),
        new("aptos2019", "APTOS 2019, 5 grades, stratified 60/20/20", "train.csv and train_images/", Retinopathy.LoadAptos),
        new("caltech101", "Caltech-101, 30 / 20 / 20 images a class", "101_ObjectCategories/", Caltech.Load101),
        new("caltech256", "Caltech-256, 30 / 20 / 20 images a class", "256_ObjectCategories/", Caltech.Load256),
        new("cifar10", "CIFAR-10, binary form, official train / test", "data_batch_1.bin", request => CifarOf(request, "cifar-10")),
        new("cifar100", "CIFAR-100, binary form, official train / test", "train.bin", request => CifarOf(request, "cifar-100")),
        new("cub200", "CUB-200-2011 birds, official train / test", "images.txt and train_test_split.txt", Cub.Load),
        new("fashion-mnist", "Fashion-MNIST, IDX form, official train / test", "train-images-idx3-ubyte",
            request => Mnist(request, "fashion-mnist", FashionClasses)),
        new("indoor67", "MIT Indoor-67, official TrainImages.txt / TestImages.txt", "TrainImages.txt and Images/", Indoor.Load),
        new("medmnist", "a MedMNIST set, official train / val / test", "one .npz",
            request => MedMnist.Load(SingleFile(request.Folder, "*.npz"), request.Options)),
        new("messidor2", "Messidor-2 with adjudicated grades, stratified 60/20/20", "messidor_data.csv and the images", Retinopathy.LoadMessidor),
        new("mnist", "MNIST, IDX form, official train / test", "train-images-idx3-ubyte", request => Mnist(request, "mnist", null)),
    ];

    private static readonly string[] FashionClasses =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>The name on the command line.</summary>
    public string Name { get; }

    /// <summary>One line for people: what it is, and its parts.</summary>
    public string Summary { get; }

    /// <summary>The files that the folder is known by.</summary>
    public string Contents { get; }

    /// <summary>The layout of that name; null where there is none.</summary>
    /// <param name="name">A name of <see cref="All"/>.</param>
    public static PublishedLayout? Find(string name) => All.FirstOrDefault(layout => layout.Name == name);

    /// <summary>Reads the set.</summary>
    /// <param name="folder">The folder that holds what was published, or the one above it; a file where the set is one.</param>
    /// <param name="options">Image size and threads; null: the defaults.</param>
    /// <param name="progress">Told how many images are decoded.</param>
    /// <param name="cancellation">Stops decoding with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="DataException">A list or an image is missing or damaged; the message names it.</exception>
    public ImageData Load(
        string folder, ImageSourceOptions? options = null, IProgress<DecodingProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Path.Exists(folder))
            throw new DataException(folder, "there is no such folder");
        return _load(new LayoutRequest(folder, options ?? new ImageSourceOptions(), progress, cancellation)) with { Name = Name };
    }

    private static ImageData CifarOf(LayoutRequest request, string name)
    {
        ImageData data = Cifar.Load(request.Folder, request.Options);
        return data.Name == name ? data : throw new DataException(request.Folder, $"holds {data.Name}, not {name}");
    }

    private static ImageData Mnist(LayoutRequest request, string name, IReadOnlyList<string>? classes)
    {
        // Where the archives were unpacked with a folder of their own.
        string folder = Listed.Root(request.Folder, "IDX files", f => Idx.IsIn(f), name, Path.Combine("raw"), Path.Combine("MNIST", "raw"),
            Path.Combine("FashionMNIST", "raw"));
        ImageData data = Idx.Load(folder, request.Options);
        return classes is null ? data : data with { Train = data.Train.Renamed(classes), Test = data.Test?.Renamed(classes) };
    }

    private static string SingleFile(string folder, string pattern)
    {
        if (File.Exists(folder))
            return folder;
        string[] files = Directory.GetFiles(folder, pattern);
        return files.Length == 1 ? files[0] : throw new DataException(folder, $"holds {files.Length} files {pattern}; one is needed, or name the file itself");
    }
}
