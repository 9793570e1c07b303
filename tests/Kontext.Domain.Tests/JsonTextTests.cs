using System.Text;
using System.Text.Json;

namespace Kontext.Domain.Tests;

public sealed class JsonTextTests
{
    [Theory]
    [InlineData("""{"a":"b"}""", true)]
    [InlineData("""{"a":"\ud83d\udd11"}""", true)]
    [InlineData("""{"a":"\uD83D\uDD11 \u00e9 \\ud800 \n \" \/"}""", true)]
    [InlineData("""{"a":"\\\ud83d\udd11"}""", true)]
    [InlineData("""{"a":"\ud800"}""", false)]
    [InlineData("""{"a":"\udc00"}""", false)]
    [InlineData("""{"a":"\ud83d"}""", false)]
    [InlineData("""{"a":"\ud83dx\udd11"}""", false)]
    [InlineData("""{"a":"\udd11\ud83d"}""", false)]
    [InlineData("""{"a":"\ud83d\ud83d\udd11"}""", false)]
    [InlineData("""{"a":"\\\ud800"}""", false)]
    [InlineData("""{"\ud800":1}""", false)]
    [InlineData("\\", true)]
    [InlineData("\\u", true)]
    [InlineData("\\ud80", true)]
    public void Half_a_character_is_no_text(string json, bool whole) => Assert.Equal(whole, JsonText.IsUnicode(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void What_is_no_UTF8_is_no_text() => Assert.False(JsonText.IsUnicode([(byte)'"', 0xED, 0xA0, 0x80, (byte)'"']));

    [Fact]
    public void Parsing_refuses_it_as_it_refuses_what_is_no_JSON()
    {
        Assert.ThrowsAny<JsonException>(() => JsonText.Parse(Encoding.UTF8.GetBytes("""["\ud800"]""")));
        Assert.ThrowsAny<JsonException>(() => JsonText.ParseNode("""["\ud800"]"""u8));
        Assert.ThrowsAny<JsonException>(() => JsonText.Parse("["u8.ToArray()));
        Assert.Equal("\ud83d\udd11", JsonText.Parse(Encoding.UTF8.GetBytes("""["\ud83d\udd11"]""")).RootElement[0].GetString());
    }
}
