// Python's difflib on the same sequences.
#include "discreet/stats/sequence_matcher.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace discreet::stats {
namespace {

std::string blocks_of(const std::string& a, const std::string& b) {
  std::map<std::string, std::int64_t> ids;
  const auto numbers = [&](const std::string& text) {
    std::vector<std::int64_t> out;
    std::istringstream words(text);
    for (std::string word; words >> word;) out.push_back(ids.try_emplace(word, ids.size()).first->second);
    return out;
  };
  const auto first = numbers(a), second = numbers(b);
  std::string text;
  for (const EqualBlock& block : equal_blocks(first, second)) {
    text += std::to_string(block.a_begin) + ":" + std::to_string(block.a_end) + "|" + std::to_string(block.b_begin) + ":" +
            std::to_string(block.b_end) + " ";
  }
  return text;
}

TEST(SequenceMatcher, FindsTheEqualBlocksOfDifflib) {
  EXPECT_EQ(blocks_of("a b c a b d", "c a b x a b"), "2:5|0:3 ");
  EXPECT_EQ(blocks_of("a a b a", "a b a a"), "1:4|0:3 ");
  EXPECT_EQ(blocks_of("he said his mother loves him", "she said her mother loves her"), "1:2|1:2 3:5|3:5 ");
  EXPECT_EQ(blocks_of("x y z", "p q"), "");
}

TEST(SequenceMatcher, EqualSequencesAreOneBlockAndEmptyOnesNone) {
  EXPECT_EQ(blocks_of("a b a b c", "a b a b c"), "0:5|0:5 ");
  EXPECT_EQ(blocks_of("", "a b"), "");
  EXPECT_EQ(blocks_of("", ""), "");
}

TEST(SequenceMatcher, KeepsTheOrderOfBlocksOnBothSides) {
  EXPECT_EQ(blocks_of("a x b y c", "a b c"), "0:1|0:1 2:3|1:2 4:5|2:3 ");
  EXPECT_EQ(blocks_of("c b a", "a b c"), "0:1|2:3 ");  // the earliest in a of three that are as long
}

}  // namespace
}  // namespace discreet::stats
