using Kontext.Domain;

namespace Kontext.Functions.Pages;

/// <summary>Serves what the pages load: <c>/assets/*</c>. Public and unchanging.</summary>
internal static class AssetEndpoints
{
    /// <summary>Maps the group.</summary>
    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGroup("/assets")
            .WithMetadata(new Surface(Authenticate: null, PageErrors.Of))
            .MapMethods("/{name}", [HttpMethods.Get, HttpMethods.Head], Get);

    private static IResult Get(string name, HttpContext context)
    {
        if (PageAsset.Find(name) is not { } asset)
            return PageErrors.Of(context, new Failure(FailureCode.NotFound, "There is no such file."));
        context.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return Results.Bytes(asset.Content, asset.MediaType);
    }
}
