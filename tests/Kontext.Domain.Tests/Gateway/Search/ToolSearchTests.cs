using System.Globalization;
using Kontext.Domain.Gateway.Search;

namespace Kontext.Domain.Tests.Gateway.Search;

public sealed class ToolSearchTests(ITestOutputHelper output)
{
    private static readonly string[][] Tools = Lines("tools.txt");
    private static readonly ToolSearch Search = new([.. Tools.Select(tool => ToolText.Of(tool[0], tool[1], tool[2], tool[3].Split(',', StringSplitOptions.RemoveEmptyEntries)))]);

    [Theory]
    [InlineData("questions-tuning.txt", 0.95)]
    [InlineData("questions.txt", 0.9)]
    public void Questions_in_peoples_words_find_their_tool_among_the_first_five(string file, double least)
    {
        var questions = Lines(file);
        var (first, five) = (0, 0);
        foreach (var question in questions)
        {
            var found = Found(question[0]);
            var place = found.FindIndex(tool => question[1].Split(',').Contains(tool));
            first += place == 0 ? 1 : 0;
            five += place is >= 0 and < 5 ? 1 : 0;
            if (file == "questions-tuning.txt" && place is < 0 or >= 5)
                output.WriteLine($"{question[0]}: {place} {string.Join(' ', found.Take(5))}");
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file}: {questions.Length} questions over {Tools.Length} tools; the first is right for {first}, one of the first five for {five} ({100.0 * five / questions.Length:0} %)"));
        Assert.True(five >= least * questions.Length, $"{five} of {questions.Length}");
    }

    private static List<string> Found(string question) => Search.Find(question, 50).ConvertAll(at => $"{Tools[at][0]}:{Tools[at][1]}");

    private static string[][] Lines(string file) =>
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Gateway", "Search", file)).Where(line => !line.StartsWith('#')).Select(line => line.Split('|'))];
}
