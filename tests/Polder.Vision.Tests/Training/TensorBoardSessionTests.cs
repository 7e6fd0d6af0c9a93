using System.Buffers.Binary;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Polder.Vision.Training;
using Tensorboard;

namespace Polder.Vision.Tests.Training;

/// <summary>The messages are read back by their field numbers, as tensorboard/plugins/hparams/plugin_data.proto has them.</summary>
public class TensorBoardSessionTests
{
    private static readonly TensorBoardSession Session = new()
    {
        Hyperparameters = new Dictionary<string, object> { ["sigma"] = 0.02, ["seed"] = 3L, ["method"] = "nso", ["clean"] = true },
        Group = "nso",
        Metrics = new Dictionary<string, double> { ["test/accuracy"] = 0.75, ["test/loss"] = double.NaN },
        Curves = new Dictionary<string, IReadOnlyList<(long Step, double Value)>> { ["loss/train"] = [(1, 0.5), (2, 0.25), (3, double.NaN)] },
        Seconds = 12.5,
    };

    [Fact]
    public void A_session_begins_with_its_hyperparameters_and_ends_with_its_state()
    {
        Event[] events = Read(Session.ToEvents(DateTimeOffset.FromUnixTimeSeconds(1_000_000)));
        Assert.Equal("brain.Event:2", events[0].FileVersion);
        Assert.Equal(
            ["_hparams_/session_start_info", "loss/train", "loss/train", "test/accuracy", "_hparams_/session_end_info"],
            events.Skip(1).Select(e => Assert.Single(e.Summary.Value).Tag));
        Assert.Equal([(1L, 0.5f), (2, 0.25f)], events[2..4].Select(e => (e.Step, e.Summary.Value[0].SimpleValue)));
        Assert.Equal(0.75f, events[4].Summary.Value[0].SimpleValue);
        Assert.Equal((1_000_000.0, 1_000_012.5), (events[1].WallTime, events[^1].WallTime));

        Dictionary<int, List<object>> start = Fields(Single(Content(events[1]), 3));
        Assert.Equal("nso", ((ByteString)Assert.Single(start[4])).ToStringUtf8());
        Assert.Equal(1_000_000.0, BitConverter.UInt64BitsToDouble((ulong)Assert.Single(start[5])));
        Dictionary<string, Value> found = start[1].ToDictionary(
            entry => Single((ByteString)entry, 1).ToStringUtf8(), entry => Value.Parser.ParseFrom(Single((ByteString)entry, 2)));
        Assert.Equal(["clean", "method", "seed", "sigma"], found.Keys.Order(StringComparer.Ordinal));
        Assert.Equal((0.02, 3.0, "nso", true), (found["sigma"].NumberValue, found["seed"].NumberValue, found["method"].StringValue, found["clean"].BoolValue));

        Dictionary<int, List<object>> end = Fields(Single(Content(events[^1]), 4));
        Assert.Equal(1UL, Assert.Single(end[1]));
        Assert.Equal(1_000_012.5, BitConverter.UInt64BitsToDouble((ulong)Assert.Single(end[2])));
    }

    [Fact]
    public void A_session_that_failed_says_so()
    {
        Event[] events = Read((Session with { HasFailed = true }).ToEvents(DateTimeOffset.UnixEpoch));
        Assert.Equal(2UL, Assert.Single(Fields(Single(Content(events[^1]), 4))[1]));
    }

    private static ByteString Content(Event message)
    {
        Summary.Types.Value value = message.Summary.Value[0];
        Assert.Equal("hparams", value.Metadata.PluginData.PluginName);
        Assert.Equal(Tensorboard.DataType.DtFloat, value.Tensor.Dtype);
        Assert.Equal(0, Assert.Single(value.Tensor.TensorShape.Dim).Size);
        return value.Metadata.PluginData.Content;
    }

    private static ByteString Single(ByteString message, int field) => (ByteString)Assert.Single(Fields(message)[field]);

    private static Dictionary<int, List<object>> Fields(ByteString message)
    {
        var fields = new Dictionary<int, List<object>>();
        CodedInputStream input = message.CreateCodedInput();
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            object value = (tag & 7) switch
            {
                0 => input.ReadUInt64(),
                1 => input.ReadFixed64(),
                2 => input.ReadBytes(),
                var type => throw new InvalidOperationException($"wire type {type}"),
            };
            int field = (int)(tag >> 3);
            if (!fields.TryGetValue(field, out List<object>? values))
                fields[field] = values = [];
            values.Add(value);
        }
        return fields;
    }

    private static Event[] Read(byte[] file)
    {
        var events = new List<Event>();
        for (int at = 0; at < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            events.Add(Event.Parser.ParseFrom(file, at + 12, length));
            at += 16 + length;
        }
        return [.. events];
    }
}
