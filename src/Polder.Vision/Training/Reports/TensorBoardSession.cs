using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Tensorboard;
using Summary = Tensorboard.Summary;

namespace Polder.Vision.Training;

/// <summary>
/// A run with its hyperparameters as TensorBoard's hparams plugin reads it: there runs are a table that sorts, parallel coordinates and scatter plots.
/// The plugin's messages (tensorboard/plugins/hparams/plugin_data.proto) are written here; those about them are TorchSharp's.
/// </summary>
public sealed record TensorBoardSession
{
    private const string Plugin = "hparams", StartTag = "_hparams_/session_start_info", EndTag = "_hparams_/session_end_info";

    // Fields of HParamsPluginData, SessionStartInfo, SessionEndInfo and of an entry of a map, and the two states of a session that ended.
    private const int StartField = 3, EndField = 4, HyperparametersField = 1, GroupField = 4, StartTimeField = 5, StatusField = 1, EndTimeField = 2,
        KeyField = 1, ValueField = 2, Success = 1, Failure = 2;

    /// <summary>The hyperparameters: numbers, truth values, and texts of anything else.</summary>
    public required IReadOnlyDictionary<string, object> Hyperparameters { get; init; }

    /// <summary>What the runs have in common that are one setting: the plugin shows their mean.</summary>
    public required string Group { get; init; }

    /// <summary>What was measured once, at the end.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = new Dictionary<string, double>();

    /// <summary>What was measured along the way: a list of (step, value) a name.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<(long Step, double Value)>> Curves { get; init; }
        = new Dictionary<string, IReadOnlyList<(long Step, double Value)>>();

    /// <summary>The seconds that the run took.</summary>
    public double Seconds { get; init; }

    /// <summary>Whether it failed.</summary>
    public bool HasFailed { get; init; }

    /// <summary>The contents of an event file, which belongs in a folder of its own.</summary>
    /// <param name="start">When the run began.</param>
    public byte[] ToEvents(DateTimeOffset start)
    {
        using var file = new MemoryStream();
        double begin = start.ToUnixTimeMilliseconds() / 1000.0, end = begin + Seconds;
        TensorBoardEvents.Record(file, TensorBoardEvents.Beginning(begin));
        TensorBoardEvents.Record(file, Message(StartTag, begin, StartField, StartInfo(begin)));
        foreach ((string tag, IReadOnlyList<(long Step, double Value)> points) in Curves.OrderBy(c => c.Key, StringComparer.Ordinal))
            foreach ((long step, double value) in points.Where(p => double.IsFinite(p.Value)))
                TensorBoardEvents.Record(file, Scalar(tag, begin, step, value));
        foreach ((string tag, double value) in Metrics.Where(m => double.IsFinite(m.Value)).OrderBy(m => m.Key, StringComparer.Ordinal))
            TensorBoardEvents.Record(file, Scalar(tag, end, 0, value));
        TensorBoardEvents.Record(file, Message(EndTag, end, EndField, EndInfo(end)));
        return file.ToArray();
    }

    private static Event Scalar(string tag, double time, long step, double value)
    {
        var summary = new Summary();
        summary.Value.Add(new Summary.Types.Value { Tag = tag, SimpleValue = (float)value });
        return new Event { WallTime = time, Step = step, Summary = summary };
    }

    private static Event Message(string tag, double time, int field, byte[] content)
    {
        var summary = new Summary();
        summary.Value.Add(new Summary.Types.Value
        {
            Tag = tag,
            Metadata = new SummaryMetadata
            {
                PluginData = new SummaryMetadata.Types.PluginData
                {
                    PluginName = Plugin,
                    Content = ByteString.CopyFrom(Written(output => Bytes(output, field, content))),
                },
            },
            // A tensor without elements: the plugin reads the metadata alone, and readers of files expect a value.
            Tensor = new TensorProto
            {
                Dtype = Tensorboard.DataType.DtFloat,
                TensorShape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dim() } },
            },
        });
        return new Event { WallTime = time, Summary = summary };
    }

    private byte[] StartInfo(double begin) => Written(output =>
    {
        foreach ((string name, object value) in Hyperparameters.OrderBy(h => h.Key, StringComparer.Ordinal))
            Bytes(output, HyperparametersField, Written(entry =>
            {
                Bytes(entry, KeyField, ByteString.CopyFromUtf8(name).ToByteArray());
                Bytes(entry, ValueField, ValueOf(value).ToByteArray());
            }));
        Bytes(output, GroupField, ByteString.CopyFromUtf8(Group).ToByteArray());
        output.WriteTag(StartTimeField, WireFormat.WireType.Fixed64);
        output.WriteDouble(begin);
    });

    private byte[] EndInfo(double end) => Written(output =>
    {
        output.WriteTag(StatusField, WireFormat.WireType.Varint);
        output.WriteInt32(HasFailed ? Failure : Success);
        output.WriteTag(EndTimeField, WireFormat.WireType.Fixed64);
        output.WriteDouble(end);
    });

    private static Value ValueOf(object value) => value switch
    {
        bool flag => Value.ForBool(flag),
        double or float or int or long => Value.ForNumber(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture)),
        _ => Value.ForString(value.ToString() ?? ""),
    };

    private static void Bytes(CodedOutputStream output, int field, byte[] content)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(content));
    }

    private static byte[] Written(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
            write(output);
        return stream.ToArray();
    }
}
