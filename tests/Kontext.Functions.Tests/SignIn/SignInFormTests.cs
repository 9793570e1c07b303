using System.Net;
using System.Text;

namespace Kontext.Functions.Tests.SignIn;

/// <summary>What is no form is refused by the sign-in pages, and none of it is a fault of ours.</summary>
public sealed class SignInFormTests(KontextFixture kontext)
{
    [Theory]
    [InlineData("/login")]
    [InlineData("/logout")]
    public async Task An_unreadable_form_is_refused(string path)
    {
        var tooMany = string.Join('&', Enumerable.Range(0, 3000).Select(number => $"f{number}=1"));
        foreach (var (body, type) in new[] { (tooMany, "application/x-www-form-urlencoded"), ("csrf=%00", "application/x-www-form-urlencoded"), ("garbage", "multipart/form-data"), ("{}", "application/json") })
        {
            using var content = new StringContent(body, Encoding.UTF8, type);
            using var http = new HttpClient();
            using var answer = await http.PostAsync(new Uri(kontext.Server.Url, path), content, TestContext.Current.CancellationToken);
            Assert.Equal((HttpStatusCode.BadRequest, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        }
    }
}
