using Kontext.Domain.Gateway.Search;

namespace Kontext.Domain.Tests.Gateway.Search;

public sealed class SearchWordsTests
{
    [Theory]
    [InlineData("listIssues", "list issues")]
    [InlineData("getHTTPServer2", "get http server2")]
    [InlineData("create_or_update.file-name", "create or update file name")]
    [InlineData("Größe der Datei", "größe der datei")]
    [InlineData("", "")]
    public void Names_are_split_where_people_see_words(string text, string words) => Assert.Equal(words, string.Join(' ', SearchWords.Split(text)));

    // The examples of M. F. Porter, An algorithm for suffix stripping.
    [Theory]
    [InlineData("caresses", "caress")]
    [InlineData("ponies", "poni")]
    [InlineData("agreed", "agre")]
    [InlineData("plastered", "plaster")]
    [InlineData("motoring", "motor")]
    [InlineData("sing", "sing")]
    [InlineData("conflated", "conflat")]
    [InlineData("hopping", "hop")]
    [InlineData("falling", "fall")]
    [InlineData("filing", "file")]
    [InlineData("happy", "happi")]
    [InlineData("relational", "relat")]
    [InlineData("vietnamization", "vietnam")]
    [InlineData("formalize", "formal")]
    [InlineData("hopefulness", "hope")]
    [InlineData("adjustment", "adjust")]
    [InlineData("adoption", "adopt")]
    [InlineData("probate", "probat")]
    [InlineData("rate", "rate")]
    [InlineData("cease", "ceas")]
    [InlineData("controlling", "control")]
    [InlineData("generalizations", "gener")]
    [InlineData("oscillators", "oscil")]
    [InlineData("größen", "größen")]
    public void Forms_of_a_word_have_one_stem(string word, string stem) => Assert.Equal(stem, PorterStemmer.Stem(word));

    [Theory]
    [InlineData("calender", "calendar", true)]
    [InlineData("mesage", "message", true)]
    [InlineData("recieve", "receive", true)]
    [InlineData("repostory", "repository", true)]
    [InlineData("list", "lost", false)]
    [InlineData("issue", "tissues", false)]
    [InlineData("event", "invent", false)]
    public void A_slip_is_told_from_another_word(string written, string meant, bool near) => Assert.Equal(near, Spelling.IsNear(written, meant));

    [Fact]
    public void Phrases_are_read_as_what_they_stand_for() =>
        Assert.Equal(["delete", "the", "pull", "request"], Synonyms.Rewrite(["get", "rid", "of", "the", "pr"]));

    [Fact]
    public void A_question_of_empty_words_is_still_a_question() => Assert.Equal(["what", "is", "thi"], SearchWords.StemsOfQuestion("What is this?"));
}
