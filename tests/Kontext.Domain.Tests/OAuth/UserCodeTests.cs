using Kontext.Domain.OAuth;

namespace Kontext.Domain.Tests.OAuth;

/// <summary>Codes that people read from one screen and type into another.</summary>
public sealed class UserCodeTests
{
    [Fact]
    public void A_code_has_eight_consonants_and_is_shown_in_two_halves()
    {
        for (var times = 0; times < 200; times++)
        {
            var code = UserCode.New();
            Assert.Matches("^[BCDFGHJKLMNPQRSTVWXZ]{8}$", code);
            Assert.Equal($"{code[..4]}-{code[4..]}", UserCode.Display(code));
            Assert.Equal(code, UserCode.Normalize(UserCode.Display(code)));
        }
    }

    [Theory]
    [InlineData("BCDF-GHJK")]
    [InlineData("bcdfghjk")]
    [InlineData("  BcDf - gHjK ")]
    [InlineData("BCDF\u2013GHJK")]
    [InlineData("b.c.d.f g.h.j.k")]
    [InlineData("\uff22\uff23\uff24\uff26\uff27\uff28\uff2a\uff2b")]
    public void Case_spaces_dashes_and_wide_letters_do_not_matter(string typed) => Assert.Equal("BCDFGHJK", UserCode.Normalize(typed));

    [Theory]
    [InlineData("8CDF-6HJK", "BCDFGHJK")]
    [InlineData("1L2Z-5SUV", "LLZZSSVV")]
    [InlineData("0QoQ-iLIL", "QQQQLLLL")]
    public void A_character_that_is_in_no_code_is_read_as_the_one_it_resembles(string typed, string read) => Assert.Equal(read, UserCode.Normalize(typed));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("BCDF-GHJ")]
    [InlineData("BCDF-GHJKL")]
    [InlineData("ACDF-GHJK")]
    [InlineData("BCDF-GHJ\u0416")]
    [InlineData("\ud800BCDF-GHJ7")]
    [InlineData("--------------------------------------------------------BCDF-GHJK")]
    public void What_no_code_can_be_is_none(string? typed) => Assert.Null(UserCode.Normalize(typed));
}
