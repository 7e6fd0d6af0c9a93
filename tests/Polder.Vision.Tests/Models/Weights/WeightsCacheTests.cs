using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Polder.Vision.Data;
using Polder.Vision.Models;
using Polder.Vision.Models.Weights;
using Polder.Vision.Tests.Data;

namespace Polder.Vision.Tests.Models.Weights;

/// <summary>Downloads from a server on the loopback address; nothing else of the network is used.</summary>
public sealed class WeightsCacheTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _content = new byte[300_000];
    private readonly PublishedWeights _weights;
    private readonly WeightsCache _cache;

    public WeightsCacheTests()
    {
        new Random(1).NextBytes(_content);
        _weights = new PublishedWeights("tiny", $"tiny-{Convert.ToHexStringLower(SHA256.HashData(_content))[..8]}.pth", "random bytes");
        _cache = new WeightsCache(Path.Combine(_folder.Path, "cache"));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_whose_hash_is_right_is_kept_under_its_name()
    {
        using var server = new LoopbackServer(_content);
        var progress = new List<DownloadProgress>();
        Assert.Null(_cache.Find(_weights));
        string path = _cache.Download(_weights, server.Address, new Collect(progress));
        Assert.Equal(_content, File.ReadAllBytes(path));
        Assert.Equal(path, _cache.Find(_weights));
        Assert.Equal([path], Directory.GetFiles(_cache.Folder));
        Assert.Equal(new DownloadProgress(_content.Length, _content.Length), progress[^1]);
        Assert.Equal([null], server.Ranges);
        Assert.EndsWith("/models/" + _weights.FileName, server.Requests[0]);

        // It is here: the network is not used again.
        Assert.Equal(path, _cache.Download(_weights, server.Address));
        Assert.Single(server.Requests);
    }

    [Fact]
    public void A_broken_download_is_continued()
    {
        using var server = new LoopbackServer(_content) { BreakAfter = 100_000 };
        DataException broken = Assert.Throws<DataException>(() => _cache.Download(_weights, server.Address));
        Assert.Contains("broke off", broken.Message);
        Assert.Null(_cache.Find(_weights));
        long kept = _cache.Partial(_weights);
        Assert.InRange(kept, 1, 100_000);

        server.BreakAfter = int.MaxValue;
        Assert.Equal(_content, File.ReadAllBytes(_cache.Download(_weights, server.Address)));
        Assert.Equal([null, $"bytes={kept}-"], server.Ranges);
        Assert.Equal(0, _cache.Partial(_weights));
    }

    [Theory]
    [InlineData(100_000, false)] // a server that does not continue
    [InlineData(300_000, true)] // nothing is missing but the check
    [InlineData(400_000, true)] // longer than the server's file
    public void What_cannot_be_continued_is_fetched_from_the_start(int here, bool ranges)
    {
        using var server = new LoopbackServer(_content) { HasRanges = ranges };
        Directory.CreateDirectory(_cache.Folder);
        File.WriteAllBytes(_cache.PathOf(_weights) + ".part", new byte[here]);
        Assert.Equal(_content, File.ReadAllBytes(_cache.Download(_weights, server.Address)));
    }

    [Fact]
    public void A_wrong_file_is_not_kept()
    {
        byte[] other = [.. _content];
        other[200_000] ^= 1;
        using var server = new LoopbackServer(other);
        DataException refusal = Assert.Throws<DataException>(() => _cache.Download(_weights, server.Address));
        Assert.Contains($"allowed: {_weights.HashPrefix}", refusal.Message);
        Assert.Empty(Directory.GetFiles(_cache.Folder));
    }

    [Fact]
    public void A_damaged_file_of_the_cache_is_found_out()
    {
        Directory.CreateDirectory(_cache.Folder);
        File.WriteAllText(_cache.PathOf(_weights), "damaged");
        Assert.Contains("delete it", Assert.Throws<DataException>(() => _cache.Download(_weights, new Uri("http://127.0.0.1:1/"))).Message);
    }

    [Fact]
    public void A_refusal_of_the_server_is_passed_on()
    {
        using var server = new LoopbackServer(null);
        Assert.Contains("404", Assert.Throws<DataException>(() => _cache.Download(_weights, server.Address)).Message);
        Assert.Null(_cache.Find(_weights));
    }

    [Fact]
    public void A_stop_keeps_what_has_come()
    {
        using var server = new LoopbackServer(_content) { BreakAfter = 100_000, Hold = true };
        using var stop = new CancellationTokenSource();
        var stopAtFirst = new Do(() => stop.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => _cache.Download(_weights, server.Address, stopAtFirst, stop.Token));
        Assert.InRange(_cache.Partial(_weights), 1, 100_000);
    }

    [Fact]
    public void Every_published_name_carries_a_hash_and_belongs_to_an_architecture()
    {
        Assert.All(PublishedWeights.All, weights =>
        {
            Assert.Equal(8, weights.HashPrefix.Length);
            Assert.NotNull(Architectures.Find(weights.Name));
        });
        Assert.Throws<FormatException>(() => new PublishedWeights("a", "a.pth", "").HashPrefix);
    }

    private sealed class Collect(List<DownloadProgress> into) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => into.Add(value);
    }

    private sealed class Do(Action action) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => action();
    }
}

/// <summary>As much of HTTP as a download asks for.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly byte[]? _content;

    public LoopbackServer(byte[]? content)
    {
        _content = content;
        _listener.Start();
        _ = Task.Run(Serve);
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/models/");

    public bool HasRanges { get; init; } = true;

    /// <summary>Bytes of the body after which the connection is closed.</summary>
    public int BreakAfter { get; set; } = int.MaxValue;

    /// <summary>Whether the connection then stays open and silent instead.</summary>
    public bool Hold { get; init; }

    public List<string> Requests { get; } = [];

    public List<string?> Ranges { get; } = [];

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task Serve()
    {
        CancellationToken stop = _stop.Token;
        try
        {
            while (true)
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync(stop);
                try
                {
                    await Answer(client.GetStream(), stop);
                }
                catch (IOException)
                {
                    // The client has gone.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Answer(NetworkStream stream, CancellationToken stop)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        Requests.Add((await reader.ReadLineAsync(stop))!.Split(' ')[1]);
        string? range = null;
        while (await reader.ReadLineAsync(stop) is { Length: > 0 } line)
            if (line.StartsWith("Range: ", StringComparison.OrdinalIgnoreCase))
                range = line["Range: ".Length..];
        Ranges.Add(range);
        int from = range is null || !HasRanges ? 0 : int.Parse(range["bytes=".Length..].TrimEnd('-'));
        string status = _content is null ? "404 Not Found"
            : from == 0 ? "200 OK"
            : from < _content.Length ? "206 Partial Content" : "416 Range Not Satisfiable";
        byte[] body = _content is null || from >= _content.Length ? [] : _content[from..];
        string more = status.StartsWith("206", StringComparison.Ordinal) ? $"Content-Range: bytes {from}-{_content!.Length - 1}/{_content.Length}\r\n" : "";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: {body.Length}\r\n{more}Connection: close\r\n\r\n"), stop);
        await stream.WriteAsync(body.AsMemory(0, Math.Min(body.Length, BreakAfter)), stop);
        if (Hold)
            await Task.Delay(Timeout.Infinite, stop);
    }
}
