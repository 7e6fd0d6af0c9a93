using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Polder.Testing;

namespace Polder.EndToEnd;

/// <summary>The sample of a web service, as a process: what eight clients at once are told is what each is told alone.</summary>
public sealed class WebServiceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("polder-service-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Eight_clients_at_once_are_answered_as_one_by_one()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        MiniatureImages.Write(Path.Combine(_folder, "photos"), 3, perClass: 8);
        (int code, _, string error) = PolderProcess.RunIn(
            _folder, "finetune", "--data", "photos", "--arch", "resnet20", "--image-size", "32", "--method", "base", "--epochs", "1", "--out", "run");
        Assert.True(code == 0, error);
        string framework = new DirectoryInfo(AppContext.BaseDirectory).Name, configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(SharedFiles.Repository, "samples", "WebService", "bin", configuration, framework, "WebService.dll");
        string address = $"http://127.0.0.1:{FreePort()}";
        using Process service = PolderProcess.StartDotNet([program, "run", address], _folder, threads: 1);
        try
        {
            while (await service.StandardOutput.ReadLineAsync(cancellation).AsTask().WaitAsync(TimeSpan.FromMinutes(1), cancellation) is { } line
                && !line.Contains(address, StringComparison.Ordinal))
            {
            }
            using var client = new HttpClient { BaseAddress = new Uri(address) };
            byte[][] images = [.. Directory.GetFiles(Path.Combine(_folder, "photos"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Select(File.ReadAllBytes)];
            var alone = new List<string>();
            foreach (byte[] image in images)
                alone.Add(await Ask(image));
            Assert.All(alone, answer => Assert.Contains("\"probability\":", answer));
            string[][] together = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Task.Run(async () =>
            {
                var answers = new string[images.Length];
                for (int i = 0; i < images.Length; i++) // each client begins elsewhere
                    answers[(i + (3 * number)) % images.Length] = await Ask(images[(i + (3 * number)) % images.Length]);
                return answers;
            }, cancellation)));
            Assert.All(together, answers => Assert.Equal(alone, answers));

            using HttpResponseMessage refused = await client.PostAsync("/classify", new ByteArrayContent([1, 2, 3]), cancellation);
            Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
            Assert.Contains("no image that can be decoded", await refused.Content.ReadAsStringAsync(cancellation));

            async Task<string> Ask(byte[] image)
            {
                using HttpResponseMessage answer = await client.PostAsync("/classify", new ByteArrayContent(image), cancellation);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                return await answer.Content.ReadAsStringAsync(cancellation);
            }
        }
        finally
        {
            service.Kill();
            service.WaitForExit();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
