using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.ServiceAccounts;

/// <summary>What the page of service accounts shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Items">The accounts.</param>
/// <param name="Next">Where the next page begins; null at the end.</param>
/// <param name="Form">What was entered for a new one.</param>
internal sealed record ServiceAccountsModel(AdminFrame Frame, IReadOnlyList<ServiceAccountBody> Items, string? Next, FormState Form) : AdminModel(Frame);
