using Kontext.Domain;
using Kontext.Domain.Integrations;
using Kontext.Domain.OAuth;
using Kontext.Domain.Vault;
using Kontext.Functions.Organizations;
using Kontext.Functions.Pages;
using Kontext.Functions.SignIn;

namespace Kontext.Functions.Account;

/// <summary>The page on which a person connects services to their account, tests and ends that (seed 004). Does nothing that the API under /api/organizations does not do for the same person.</summary>
internal sealed class IntegrationsEndpoints(
    SignedInPages pages, IntegrationsView view, ServiceDirectory services, ConnectFlow flow, ProvidedTokens tokens, ConnectionValidation validation, Disconnection disconnection, KontextSettings settings)
{
    private const string Path = IntegrationsModel.Path;

    public static void Map(IEndpointRouteBuilder app)
    {
        var group = app.MapGroup(Path).WithMetadata(new Surface(Authenticate: null, (context, failure) => LoadErrors.Of(context, failure, "integrations", Path)));
        group.MapGet("", (HttpContext context, IntegrationsEndpoints self) => self.ShowAsync(context));
        group.MapPost("/{service}/connect", (string service, HttpContext context, IntegrationsEndpoints self) => self.PostAsync(context, service, self.ConnectAsync));
        group.MapPost("/{service}/token", (string service, HttpContext context, IntegrationsEndpoints self) => self.PostAsync(context, service, self.SaveAsync));
        group.MapPost("/{service}/validate", (string service, HttpContext context, IntegrationsEndpoints self) => self.PostAsync(context, service, self.ValidateAsync));
        group.MapPost("/{service}/disconnect", (string service, HttpContext context, IntegrationsEndpoints self) => self.PostAsync(context, service, self.DisconnectAsync));
        CallbackEndpoints.Map(group);
    }

    private sealed record Post(HttpContext Context, BrowserUser User, Integration Integration, string Name, OAuthParameters Form);

    private Task<IResult> ShowAsync(HttpContext context) => pages.ShowAsync(context, async (user, person) =>
        PageResult.Of<IntegrationsPage>(await view.OfAsync(user, person, context.RequestAborted)));

    private Task<IResult> PostAsync(HttpContext context, string service, Func<Post, Task<Result<Posted>>> act) => pages.PostAsync(context, Path, async (user, form) =>
        await services.FindAsync(user.Org, service, context.RequestAborted) is { } integration
            ? await act(new Post(context, user, integration, view.NameOf(integration), form))
            : new Failure(FailureCode.NotFound, "This service is no longer offered by your organization."));

    private async Task<Result<Posted>> ConnectAsync(Post post)
    {
        if (!(await flow.StartAsync(post.User.Org, post.User.User, post.Integration, post.User.SessionBinding, session: null, settings.Issuer + Path, post.Context.RequestAborted)).TryGet(out var link, out var failure))
            return failure;
        return new Posted.Answer(ContinuePage.ToService(post.Name, link));
    }

    private async Task<Result<Posted>> SaveAsync(Post post)
    {
        Connection? connection;
        Failure? failure;
        if (post.Integration.CredentialSchema.IsEmpty)
        {
            if (!(await tokens.SaveAsync(post.User.Org, post.User.User, post.Integration, new Secret(post.Form["token"] ?? ""), post.Context.RequestAborted)).TryGet(out connection, out failure))
                return failure;
        }
        else
        {
            var fields = post.Integration.CredentialSchema.Keys.ToDictionary(name => name, name => new Secret(post.Form[ConnectCard.FieldPrefix + name] ?? ""), StringComparer.Ordinal);
            if (!(await tokens.SaveFieldsAsync(post.User.Org, post.User.User, post.Integration, fields, post.Context.RequestAborted)).TryGet(out connection, out failure))
                // Under the labels that the fields have on the page.
                return failure.Fields is { } wrong ? failure with { Message = $"{post.Name} was not connected. {string.Join(' ', wrong.Select(field => $"{FieldWords.Of(field.Key)}: {field.Value}"))}" } : failure;
        }
        return new Posted.To(Path, connection.Validity == Validity.Valid ? $"{post.Name} is connected." : $"{post.Name} is connected. {connection.CheckMessage}");
    }

    private async Task<Result<Posted>> ValidateAsync(Post post)
    {
        if (await validation.RunAsync(post.User.Org, post.User.User, post.Integration, post.Context.RequestAborted) is not { Verdict: var verdict })
            return new Failure(FailureCode.NotFound, $"{post.Name} is not connected, so there is nothing to validate.");
        return verdict.Validity switch
        {
            Validity.Valid => new Posted.To(Path, $"The connection to {post.Name} works."),
            Validity.Invalid => new Failure(FailureCode.NotConnected, $"The connection to {post.Name} does not work. {verdict.Message}"),
            _ => new Failure(FailureCode.Unavailable, $"Whether the connection to {post.Name} works could not be found out. {verdict.Message}"),
        };
    }

    private async Task<Result<Posted>> DisconnectAsync(Post post)
    {
        if (!SignedInPages.IsConfirmed(post.Form))
            return new Posted.Question($"Disconnect {post.Name}?", $"Agents can no longer use {post.Name} for you until you connect it again.", "Disconnect");
        var report = await disconnection.RunAsync(post.User.Org, post.User.User.Id, post.Integration, DisconnectReason.ByPerson, actor: null, post.Context.RequestAborted);
        return new Posted.To(Path, report.Detail is null ? $"{post.Name} is disconnected." : $"{post.Name} is disconnected. {report.Detail}");
    }
}
