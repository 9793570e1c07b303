using Kontext.Functions.Api;

namespace Kontext.Functions.Admin.Settings;

/// <summary>What is set for the installation and cannot be changed here: a name, and what holds.</summary>
internal sealed record Fact(string Name, string Text);

/// <summary>What the settings page shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Organization">The organization.</param>
/// <param name="Form">What was entered and refused; empty before.</param>
/// <param name="SignIn">How its people sign in.</param>
/// <param name="Retention">How long entries are kept.</param>
/// <param name="DataKey">The key that credentials are encrypted under.</param>
/// <param name="Keys">The signing keys; null for who may not see them.</param>
internal sealed record SettingsModel(AdminFrame Frame, OrganizationBody Organization, FormState Form, IReadOnlyList<Fact> SignIn, IReadOnlyList<Fact> Retention, DataKeyBody DataKey, IReadOnlyList<SigningKeyBody>? Keys) : AdminModel(Frame);

/// <summary>What the page of webhooks shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Items">The webhooks.</param>
/// <param name="Types">What they can ask for.</param>
/// <param name="Form">What was entered for a new one.</param>
internal sealed record WebhooksModel(AdminFrame Frame, IReadOnlyList<WebhookBody> Items, IReadOnlyList<string> Types, FormState Form) : AdminModel(Frame);

/// <summary>What the page of one webhook shows.</summary>
/// <param name="Frame">What is around it.</param>
/// <param name="Webhook">The webhook.</param>
/// <param name="Types">What it can ask for.</param>
/// <param name="Deliveries">What it was sent, newest first.</param>
/// <param name="Next">Where the next page of deliveries begins; null at the end.</param>
/// <param name="Form">What was entered and refused; empty before.</param>
internal sealed record WebhookModel(AdminFrame Frame, WebhookBody Webhook, IReadOnlyList<string> Types, IReadOnlyList<WebhookDeliveryBody> Deliveries, string? Next, FormState Form) : AdminModel(Frame)
{
    /// <summary>The page's path.</summary>
    public string Path => $"{WebhooksEndpoints.Path}/{Webhook.Id}";
}
