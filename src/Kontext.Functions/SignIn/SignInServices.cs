using Kontext.Functions.Upstream;

namespace Kontext.Functions.SignIn;

/// <summary>Registers the sign-in of people: through the provider where one is configured, otherwise, in Development, the stand-in.</summary>
internal static class SignInServices
{
    public static IServiceCollection AddKontextSignIn(this IServiceCollection services, KontextSettings settings)
    {
        services.AddSingleton<BrowserSessions>().AddSingleton<SignInOrganizations>().AddSingleton<SignOut>();
        if (settings.SignIn is null)
            return services.AddSingleton<DevelopmentSignIn>();
        var http = GuardedHttp.Create(settings.AllowPrivateUpstreams);
        return services
            .AddSingleton(provider => new IdentityProvider(new GuardedFetch(http), provider.GetRequiredService<TimeProvider>()))
            .AddSingleton(provider => new CodeExchange(http, provider.GetRequiredService<TimeProvider>()))
            .AddSingleton<SignInStates>()
            .AddSingleton<SignInAnswers>()
            .AddSingleton<SignedInUsers>()
            .AddSingleton<SignInStart>()
            .AddSingleton<SignInCallback>();
    }
}
