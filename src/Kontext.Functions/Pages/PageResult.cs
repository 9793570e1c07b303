using System.Text;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace Kontext.Functions.Pages;

/// <summary>Makes the answer that is a page.</summary>
internal static class PageResult
{
    /// <summary>Registers what renders pages. Nothing is made before the first page is asked for.</summary>
    public static IServiceCollection AddKontextPages(this IServiceCollection services) => services.AddScoped<HtmlRenderer>();

    /// <summary>A page. The component takes its model as the parameter <c>Model</c>.</summary>
    /// <param name="model">What it shows.</param>
    /// <param name="statusCode">Status of the answer.</param>
    /// <param name="formTargets">Addresses that answers to the page's forms may redirect to: browsers hold redirects after a form post against the page's <c>form-action</c>.</param>
    public static IResult Of<TComponent>(object model, int statusCode = StatusCodes.Status200OK, params IReadOnlyList<Uri> formTargets)
        where TComponent : IComponent => new Page<TComponent>(model, statusCode, formTargets);

    private sealed class Page<TComponent>(object model, int statusCode, IReadOnlyList<Uri> formTargets) : IResult
        where TComponent : IComponent
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var renderer = httpContext.RequestServices.GetRequiredService<HtmlRenderer>();
            var parameters = ParameterView.FromDictionary(new Dictionary<string, object?> { ["Model"] = model });
            // The page is complete before the first byte leaves: a component that fails gives an error, not half a page.
            var html = await renderer.Dispatcher.InvokeAsync(async () =>
                (await renderer.RenderComponentAsync<TComponent>(parameters)).ToHtmlString());

            var response = httpContext.Response;
            response.StatusCode = statusCode;
            PageHeaders.Set(response.Headers, formTargets);
            var bytes = Encoding.UTF8.GetBytes(html);
            response.ContentType = "text/html; charset=utf-8";
            response.ContentLength = bytes.Length;
            await response.Body.WriteAsync(bytes, httpContext.RequestAborted);
        }
    }
}
