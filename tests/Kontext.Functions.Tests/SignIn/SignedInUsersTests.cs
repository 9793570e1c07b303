using System.Text.Json;
using Kontext.Domain.Tenancy;
using Kontext.Functions.SignIn;
using Kontext.Functions.Storage;
using Kontext.Functions.Tests.Storage;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>From claims to people: who they are, which roles they have, who is an administrator.</summary>
public sealed class SignedInUsersTests
{
    private static readonly SignInSettings Settings = new() { Issuer = "https://idp.example", ClientId = "kontext", Administrators = ["ada@example.test", "s-admin"] };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("""{"roles":["admin","engineering"]}""", "admin,engineering")]
    [InlineData("""{"roles":"admin"}""", "admin")]
    [InlineData("""{"roles":["engineering",7,null,{"a":1},"engineering"]}""", "engineering")]
    [InlineData("""{"roles":{"admin":true}}""", "member")]
    [InlineData("""{"groups":["admin"]}""", "member")]
    [InlineData("{}", "member")]
    public void Each_value_of_the_claim_is_a_role(string claims, string roles) => Assert.Equal(roles, Roles(claims, Settings));

    [Fact]
    public void With_a_map_only_what_it_names_is_a_role()
    {
        var mapped = Settings with { RolesClaim = "groups", RoleMap = [new("kontext-admins", "admin"), new("eng", "engineering"), new("eng", "deployers")] };
        Assert.Equal("admin", Roles("""{"groups":["kontext-admins","sales"]}""", mapped));
        Assert.Equal("engineering,deployers", Roles("""{"groups":"eng"}""", mapped));
        // Somebody who may name groups could otherwise name one owner.
        Assert.Equal("member", Roles("""{"groups":["owner","admin"]}""", mapped));
    }

    [Theory]
    [InlineData("""{"_claim_names":{"groups":"src1"}}""")]
    [InlineData(null)]
    public void Roles_that_are_there_but_not_told_sign_nobody_in(string? claims)
    {
        // A rule may deny a role: leaving it out could allow.
        claims ??= $$"""{"groups":[{{string.Join(',', Enumerable.Range(0, 101).Select(number => $"\"g{number}\""))}}]}""";
        Assert.False(Read(claims, Settings with { RolesClaim = "groups" }).TryGet(out _, out var failure));
        Assert.Contains("groups", failure.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("s-1", """{"email":"Ada@Example.test","email_verified":true}""", true)]
    [InlineData("s-1", """{"email":"ada@example.test"}""", true)]
    [InlineData("s-1", """{"email":"ada@example.test","email_verified":"true"}""", true)]
    [InlineData("s-1", """{"email":"ada@example.test","email_verified":false}""", false)]
    [InlineData("s-1", """{"email":"ada@example.test","email_verified":"false"}""", false)]
    [InlineData("s-1", """{"email":"ada@example.test","email_verified":0}""", false)]
    [InlineData("s-1", """{"email":"ada@example.test","email_verified":null}""", false)]
    [InlineData("s-1", """{"name":"ada@example.test","preferred_username":"ada@example.test"}""", false)]
    [InlineData("s-admin", "{}", true)]
    [InlineData("S-ADMIN", "{}", false)]
    [InlineData("ada@example.test", "{}", false)]
    [InlineData("s-1", """{"email":"s-admin"}""", false)]
    public void Administrators_are_known_by_a_verified_mail_address_or_their_subject(string subject, string claims, bool administrator)
    {
        Assert.True(Read(claims, Settings, subject).TryGet(out var person, out _));
        Assert.Equal(administrator, SignedInUsers.RolesOf(Settings, person).Contains("owner"));
    }

    [Theory]
    [InlineData("""{"hd":"example.com","email_verified":true}""", true)]
    [InlineData("""{"hd":["other.example","example.com"],"email_verified":"true"}""", true)]
    [InlineData("""{"hd":"evil.example","email_verified":true}""", false)]
    [InlineData("""{"hd":"example.com"}""", false)]
    [InlineData("{}", false)]
    public void Whoever_lacks_a_required_claim_is_not_admitted(string claims, bool admitted) =>
        Assert.Equal(admitted, Read(claims, Settings with { RequiredClaims = [new("hd", "example.com"), new("email_verified", "true")] }).TryGet(out _, out _));

    [Fact]
    public async Task People_are_known_by_issuer_and_subject_and_never_by_mail_address()
    {
        var store = new Instance(new MemoryTables(), new SteppedTime()).Users;
        var (org, users) = (Samples.NewOrg(), new SignedInUsers(store, new SteppedTime()));
        async Task<User> Ensure(string subject, string email, string issuer = "https://idp.example")
        {
            Assert.True(Read($$"""{"email":"{{email}}"}""", Settings, subject, issuer).TryGet(out var person, out _));
            return await users.EnsureAsync(org, Settings, person, Cancel);
        }
        var first = await Ensure("s-1", "mel@example.test");
        Assert.Equal(first.Id, (await Ensure("s-1", "new@example.test")).Id);
        Assert.Equal("new@example.test", (await store.FindAsync(org, first.Id, Cancel))!.Value.Email);
        Assert.NotEqual(first.Id, (await Ensure("s-2", "new@example.test")).Id);
        Assert.NotEqual(first.Id, (await Ensure("s-1", "new@example.test", "https://other.example")).Id);
    }

    [Fact]
    public async Task Roles_follow_the_claims_and_a_disabled_person_stays_so()
    {
        var store = new Instance(new MemoryTables(), new SteppedTime()).Users;
        var (org, users) = (Samples.NewOrg(), new SignedInUsers(store, new SteppedTime()));
        async Task<User> Ensure(string claims)
        {
            Assert.True(Read(claims, Settings).TryGet(out var person, out _));
            return await users.EnsureAsync(org, Settings, person, Cancel);
        }
        var admin = await Ensure("""{"roles":["admin"]}""");
        Assert.True(admin.IsPrivileged);
        Assert.False((await Ensure("{}")).IsPrivileged);
        var row = (await store.FindAsync(org, admin.Id, Cancel))!;
        await store.ReplaceAsync(org, row, row.Value with { Disabled = true }, Cancel);
        Assert.True((await Ensure("""{"roles":["admin"]}""")).Disabled);
    }

    private static string Roles(string claims, SignInSettings settings)
    {
        Assert.True(Read(claims, settings).TryGet(out var person, out _));
        return string.Join(',', SignedInUsers.RolesOf(settings, person));
    }

    private static Domain.Result<SignedInPerson> Read(string claims, SignInSettings settings, string subject = "s-1", string issuer = "https://idp.example")
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse(claims)!.AsObject();
        (json["iss"], json["sub"]) = (issuer, subject);
        using var document = JsonDocument.Parse(json.ToJsonString());
        return SignedInPerson.Read(document.RootElement, settings);
    }
}
