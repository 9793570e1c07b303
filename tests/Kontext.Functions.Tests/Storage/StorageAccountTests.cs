using Kontext.Functions.Storage;

namespace Kontext.Functions.Tests.Storage;

/// <summary>What <c>Kontext__Storage</c> may say.</summary>
public sealed class StorageAccountTests
{
    [Theory]
    [InlineData("UseDevelopmentStorage=true", "http://127.0.0.1:10002/devstoreaccount1/", "devstoreaccount1")]
    [InlineData("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net", "https://acme.table.core.windows.net/", "acme")]
    [InlineData("AccountName=acme;AccountKey=c2VjcmV0", "https://acme.table.core.windows.net/", "acme")]
    [InlineData("AccountName=acme;AccountKey=c2VjcmU=;TableEndpoint=http://127.0.0.1:9/acme;", "http://127.0.0.1:9/acme/", "acme")]
    [InlineData("https://acme.table.core.windows.net", "https://acme.table.core.windows.net/", null)]
    public void Every_form_of_the_setting_is_understood(string setting, string endpoint, string? name)
    {
        var account = StorageAccount.Parse(setting);
        Assert.Equal(endpoint, account.Endpoint.AbsoluteUri);
        Assert.Equal(name, account.Name);
        Assert.Equal(name is null, account.Key is null);
    }

    [Theory]
    [InlineData("")]
    [InlineData("redis")]
    [InlineData("http://acme.table.core.windows.net")]
    [InlineData("AccountName=acme;AccountKey=not base64!")]
    [InlineData("TableEndpoint=https://acme.table.core.windows.net;SharedAccessSignature=sig")]
    public void Anything_else_stops_the_start_with_the_settings_name(string setting)
    {
        var wrong = Assert.Throws<InvalidSettingException>(() => StorageAccount.Parse(setting));
        Assert.StartsWith("Kontext__Storage", wrong.Message, StringComparison.Ordinal);
    }
}
