using Kontext.Domain.OAuth;
using Kontext.Domain.Tenancy;

namespace Kontext.Domain.Tests.OAuth;

/// <summary>How an agent polls, how long a person has, and which applications may ask in this way.</summary>
public sealed class DeviceAuthorizationTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 21, 6, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_first_poll_is_never_too_early()
    {
        var (next, tooEarly) = Waiting().Polled(Start);
        Assert.False(tooEarly);
        Assert.Equal(TimeSpan.FromSeconds(5), next.Interval);
    }

    [Fact]
    public void A_poll_within_the_interval_makes_it_five_seconds_longer_for_good()
    {
        var first = Waiting().Polled(Start).Next;
        var (second, tooEarly) = first.Polled(Start.AddSeconds(4));
        Assert.True(tooEarly);
        Assert.Equal(TimeSpan.FromSeconds(10), second.Interval);
        Assert.True(second.Polled(Start.AddSeconds(13)).TooEarly);
        Assert.Equal((TimeSpan.FromSeconds(10), false), (second.Polled(Start.AddSeconds(14)).Next.Interval, second.Polled(Start.AddSeconds(14)).TooEarly));
    }

    [Fact]
    public void A_person_can_decide_once_within_ten_minutes()
    {
        Assert.True(Waiting().IsOpen(Start.AddSeconds(599)));
        Assert.False(Waiting().IsOpen(Start.AddMinutes(10)));
        Assert.False((Waiting() with { Decision = DeviceDecision.Denied }).IsOpen(Start));
        Assert.False((Waiting() with { Decision = DeviceDecision.Approved }).IsOpen(Start));
    }

    [Theory]
    [InlineData(Registration.Managed, false, null, true)]
    [InlineData(Registration.BuiltIn, false, null, true)]
    [InlineData(Registration.Managed, true, null, false)]
    [InlineData(Registration.Dynamic, false, null, false)]
    [InlineData(Registration.MetadataDocument, false, null, false)]
    [InlineData(Registration.Managed, true, true, true)]
    [InlineData(Registration.Dynamic, false, true, true)]
    [InlineData(Registration.Managed, false, false, false)]
    public void Public_clients_that_the_organization_knows_may_use_it_unless_settings_say_otherwise(Registration registration, bool confidential, bool? setting, bool may)
    {
        var application = new Application
        {
            Id = Ids.New<AppId>(Start),
            Name = "Agent",
            OAuth = new OAuthClient { Confidential = confidential, DeviceGrant = setting },
            Registration = registration,
            CreatedAt = Start,
            UpdatedAt = Start,
        };
        Assert.Equal(may, application.MayUseDeviceGrant);
    }

    private static DeviceAuthorization Waiting() => new()
    {
        CodeHash = "code",
        UserCodeHash = "user-code",
        Application = Ids.New<AppId>(Start),
        Session = Ids.New<SessionId>(Start),
        ExpiresAt = Start + DeviceAuthorization.Lifetime,
        Interval = DeviceAuthorization.PollStep,
    };
}
