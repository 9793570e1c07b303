namespace Kontext.Functions.Organizations;

/// <summary>Registers the API under /api/organizations.</summary>
internal static class OrganizationServices
{
    /// <summary>Needs, from elsewhere: the management API's services, sign-in, connections.</summary>
    public static IServiceCollection AddKontextOrganizations(this IServiceCollection services) => services
        .AddSingleton<PersonAuthentication>()
        .AddSingleton<ServiceDirectory>()
        .AddSingleton<OrganizationIntegrationsApi>();
}
