using Kontext.Functions.Pages;

namespace Kontext.Functions.OpenApi;

/// <summary>The reference of the management API: as a document for programs, and as a page for people. Neither tells anything about an organization.</summary>
internal static class OpenApiEndpoints
{
    /// <summary>Publishes both.</summary>
    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("/openapi").WithMetadata(new Surface(Authenticate: null, PageErrors.Of));
        group.MapGet("", () => PageResult.Of<ReferencePage>(ReferenceModel.Of(ApiReference.Operations)));
        group.MapGet("/v1.json", (OpenApiDocument document) => Results.Text(document.Text, "application/json")).RequireCors(PublicCors.Policy);
    }
}
