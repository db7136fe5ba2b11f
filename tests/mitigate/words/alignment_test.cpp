#include "discreet/mitigate/words/alignment.h"

#include <gtest/gtest.h>

namespace discreet::mitigate {
namespace {

/// Tokens that the marks "|" in `text` separate.
std::vector<TokenRange> tokens_of(const std::string& text) {
  std::vector<TokenRange> tokens;
  std::size_t at = 0, begin = 0;
  for (const char c : text + "|") {
    if (c == '|') {
      tokens.push_back({begin, at});
      begin = at;
    } else {
      ++at;
    }
  }
  return tokens;
}

std::string without_marks(std::string text) {
  std::erase(text, '|');
  return text;
}

std::vector<std::int64_t> aligned(const std::string& original, const std::string& exchanged) {
  const Swapper swapper(default_gender_lists());
  SwapCounts counts = swapper.no_counts();
  std::string out;
  std::vector<SwapSpan> spans;
  swapper.swap(without_marks(original), out, counts, spans);
  EXPECT_EQ(out, without_marks(exchanged));
  EXPECT_EQ(spans.size(), counts.changed());
  return align_prefixes(tokens_of(original), tokens_of(exchanged), spans);
}

TEST(AlignPrefixes, EqualNumbersOfTokensMatchOneByOne) {
  EXPECT_EQ(aligned("he| said| that| her| son| came", "she| said| that| his| daughter| came"),
            (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(AlignPrefixes, AnExchangedWordOfMorePiecesMatchesAtItsEndAlone) {
  // "grandfather" in one piece, "grandmother" in two.
  EXPECT_EQ(aligned("my| grandfather| says", "my| grand|mother| says"), (std::vector<std::int64_t>{0, 1, 3, 4}));
  EXPECT_EQ(aligned("my| grand|mother| says", "my| grandfather| says"), (std::vector<std::int64_t>{0, 1, -1, 2, 3}));
}

TEST(AlignPrefixes, PiecesOfUnchangedWordsMatchWhereBothHaveTheBoundary) {
  EXPECT_EQ(aligned("he| runs| fa|st", "she| runs| fa|st"), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(aligned("he| runs| fa|st", "she| runs| fast"), (std::vector<std::int64_t>{0, 1, 2, -1, 3}));
}

TEST(AlignPrefixes, ATextWithoutListWordsMatchesItself) {
  EXPECT_EQ(aligned("turn| on| the| light", "turn| on| the| light"), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(AlignPrefixes, OfPiecesOfOneCharacterTheLastCounts) {
  const std::vector<TokenRange> pieces = {{0, 3}, {3, 7}, {3, 7}, {7, 9}};
  EXPECT_EQ(align_prefixes(pieces, pieces, {}), (std::vector<std::int64_t>{0, 1, -1, 3, 4}));
}

}  // namespace
}  // namespace discreet::mitigate
