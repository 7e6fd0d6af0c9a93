using Polder.Checkpoints.Pickles;

namespace Polder.Checkpoints.Formats;

/// <summary>PyTorch's files since 1.6: a zip archive with the pickle <c>data.pkl</c> and one stored entry <c>data/KEY</c> for each storage.</summary>
internal static class PyTorchZipReader
{
    /// <summary>The pickle holds names and shapes, not weights: even the largest models need a few megabytes.</summary>
    private const long MaximumPickle = 1 << 28;

    public static OpenedCheckpoint Open(CheckpointFile file, ZipReader zip, string folder, CheckpointOptions options)
    {
        string order = folder + "byteorder";
        if (zip.Length(order) >= 0 && !zip.ReadAll(order, 64).AsSpan().SequenceEqual("little"u8))
            throw file.Refuse("was written on a big-endian machine, which Polder does not read");
        PickleInput input = new(new MemorySource(file.Path, zip.ReadAll(folder + "data.pkl", MaximumPickle)));
        object? root = new Unpickler(input, id => StorageReference.Of(input, id)).Load();
        Storages storages = new(file, zip, folder + "data/");
        return new OpenedCheckpoint(StateTree.Flatten(file, "PyTorch zip", root, storages, options), storages);
    }

    private sealed class Storages(CheckpointFile file, ZipReader zip, string folder) : StorageReader(file)
    {
        protected override long Available(string tensor, string key)
        {
            long length = zip.Length(folder + key);
            return length >= 0 ? length : throw File.Refuse($"storage '{key}' of tensor '{tensor}' is missing");
        }

        protected override Reading Open(string key)
        {
            ZipReader.Cursor cursor = zip.OpenEntry(folder + key);
            return new Reading(cursor.Read, cursor);
        }

        public override void Dispose()
        {
            base.Dispose();
            zip.Dispose();
        }
    }
}
