// A service that classifies images: one classifier, loaded once, for all requests.
using Polder.Vision.Classifiers;
using Polder.Vision.Data;
using TorchSharp;

torch.set_num_threads(1); // of each request; requests run side by side
using TrainedClassifier classifier = TrainedClassifier.Open(args[0]); // a run folder or a checkpoint
var predictor = new Predictor(classifier) { Top = 3 };

WebApplication service = WebApplication.CreateSlimBuilder().Build();
service.MapPost("/classify", async (HttpRequest request) =>
{
    using var image = new MemoryStream();
    await request.Body.CopyToAsync(image, request.HttpContext.RequestAborted);
    try
    {
        return Results.Json(predictor.Predict(image.ToArray()).Top);
    }
    catch (ImageDecodingException problem)
    {
        return Results.BadRequest(problem.Message);
    }
});
service.Run(args.Length > 1 ? args[1] : "http://127.0.0.1:8080");
