using Kontext.Domain.Integrations;
using Kontext.Domain.Vault;

namespace Kontext.Domain.Tests.Vault;

public sealed class ConnectionStateTests
{
    private static readonly DateTimeOffset Now = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Integration Integration = new()
    {
        Id = Ids.Named<IntegrationId>("github"), Name = "github", Url = "https://mcp.example.test", AuthMode = AuthMode.Oauth, ConnectionEpoch = 1, CreatedAt = Now, UpdatedAt = Now,
    };

    private static readonly Connection Alive = new()
    {
        Id = Ids.Named<ConnectionId>("c"), User = Ids.Named<UserId>("ada"), Integration = Integration.Id, Epoch = 1, Status = ConnectionStatus.Connected, ConnectedAt = Now,
    };

    [Fact]
    public void Who_never_connected_has_no_reason_to_read()
    {
        var state = Of(null);
        Assert.Equal(("disconnected", null, Validity.Unknown), (state.Status, state.Reason, state.Validity));
    }

    [Fact]
    public void A_stored_credential_nobody_refused_is_connected_with_what_is_known_of_it()
    {
        Assert.True(Of(Alive).Connected);
        Assert.Equal(Validity.Valid, Of(Alive with { Validity = Validity.Valid }).Validity);
    }

    [Fact]
    public void A_credential_the_provider_refused_is_not_connected()
    {
        var state = Of(Alive with { Validity = Validity.Invalid });
        Assert.Equal((false, ConnectionEnds.Refused, Validity.Invalid), (state.Connected, state.ReasonCode, state.Validity));
    }

    [Fact]
    public void A_token_past_its_end_is_dead_only_if_nothing_renews_it()
    {
        var ended = Alive with { AccessExpiresAt = Now };
        Assert.Equal(ConnectionEnds.Expired, Of(ended).ReasonCode);
        Assert.True(Of(ended with { Refreshable = true }).Connected);
        Assert.True(Of(ended with { AccessExpiresAt = Now.AddSeconds(1) }).Connected);
    }

    [Fact]
    public void A_change_of_the_integration_ends_it_at_once()
    {
        Assert.Equal(ConnectionEnds.ModeChanged, ConnectionState.Of(Integration with { ConnectionEpoch = 2 }, Alive, Now).ReasonCode);
        Assert.Equal(ConnectionEnds.Archived, ConnectionState.Of(Integration with { Archived = true }, Alive, Now).ReasonCode);
    }

    [Fact]
    public void What_was_ended_on_purpose_is_not_called_invalid_and_agents_are_not_addressed_as_the_person()
    {
        var state = Of(Alive with { Status = ConnectionStatus.Disconnected, Reason = DisconnectReason.ByPerson.Words, ReasonCode = DisconnectReason.ByPerson.Code });
        Assert.Equal((Validity.Unknown, "you disconnected it", "the person disconnected it"), (state.Validity, state.Reason, state.ReasonForAgents));
    }

    private static ConnectionState Of(Connection? connection) => ConnectionState.Of(Integration, connection, Now);
}
