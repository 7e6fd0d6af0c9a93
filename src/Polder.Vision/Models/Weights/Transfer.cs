using System.Net;
using System.Net.Http.Headers;

namespace Polder.Vision.Models.Weights;

/// <summary>Fetches one address into a file that may hold its beginning already.</summary>
internal sealed class Transfer(Uri address, FileStream file, IProgress<DownloadProgress>? progress)
{
    /// <summary>A server that sends nothing for so long is taken for gone.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    public void Run(CancellationToken cancellation) => RunAsync(cancellation).GetAwaiter().GetResult();

    private async Task RunAsync(CancellationToken cancellation)
    {
        using var handler = new SocketsHttpHandler { ConnectTimeout = Silence };
        using var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("polder", null));
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            using HttpResponseMessage response = await Ask(client, timer).ConfigureAwait(false);
            await Receive(response, timer).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw Broken($"the server sent nothing for {Silence.TotalSeconds:F0} seconds", e);
        }
        catch (HttpRequestException e)
        {
            throw Broken(e.Message, e);
        }
    }

    /// <summary>Asks for what is missing; from the start where the server does not continue, or the file here is no beginning of the server's.</summary>
    private async Task<HttpResponseMessage> Ask(HttpClient client, CancellationTokenSource timer)
    {
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (file.Length > 0)
                request.Headers.Range = new RangeHeaderValue(file.Length, null);
            timer.CancelAfter(Silence);
            HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timer.Token).ConfigureAwait(false);
            bool continues = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == file.Length;
            if (response.StatusCode == HttpStatusCode.OK || continues)
            {
                if (!continues)
                    file.SetLength(0);
                file.Seek(0, SeekOrigin.End);
                return response;
            }
            HttpStatusCode status = response.StatusCode;
            response.Dispose();
            // 416: the file here is as long as the server's, or longer; 206 of another place: a server that cannot count.
            if (file.Length > 0 && status is HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.PartialContent)
                file.SetLength(0);
            else
                throw new DataException(address.ToString(), $"the server answers {(int)status} ({status})");
        }
    }

    private async Task Receive(HttpResponseMessage response, CancellationTokenSource timer)
    {
        long? total = file.Length + response.Content.Headers.ContentLength;
        using Stream body = await response.Content.ReadAsStreamAsync(timer.Token).ConfigureAwait(false);
        byte[] block = new byte[1 << 17];
        while (true)
        {
            int count;
            timer.CancelAfter(Silence);
            try
            {
                count = await body.ReadAsync(block, timer.Token).ConfigureAwait(false);
            }
            catch (IOException e)
            {
                throw Broken(e.Message, e);
            }
            if (count == 0)
                break;
            file.Write(block, 0, count);
            progress?.Report(new DownloadProgress(file.Length, total));
        }
        if (total is { } expected && file.Length != expected)
            throw Broken($"{file.Length} of {expected} bytes came", null);
    }

    private DataException Broken(string reason, Exception? inner) => new(
        address.ToString(),
        $"the download broke off ({reason}){(file.Length > 0 ? $"; {file.Length} bytes are kept, the same command continues" : "")}",
        inner);
}
