// Oracles of the reference page (federated.md 11.12) and values of rouge_score 0.1.2.
#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/stats/porter.h"
#include "discreet/stats/rouge.h"

namespace discreet::stats {
namespace {

void expect_score(const RougeScore& score, double precision, double recall, double f1) {
  EXPECT_NEAR(score.precision, precision, 1e-10);
  EXPECT_NEAR(score.recall, recall, 1e-10);
  EXPECT_NEAR(score.f1, f1, 1e-10);
}

TEST(RougeGolden, Page) {
  const auto reference = rouge_tokens("the cat sat on the mat");
  const auto prediction = rouge_tokens("the cat lay on a mat today");
  expect_score(rouge_n(prediction, reference, 1), 0.5714285714, 0.6666666667, 0.6153846154);
  expect_score(rouge_n(prediction, reference, 2), 0.1666666667, 0.2, 0.1818181818);
  const RougeScore longest = rouge_l(prediction, reference);
  expect_score(longest, 0.5714285714, 0.6666666667, 0.6153846154);
  EXPECT_NEAR(rouge_f(longest, 1.2), 0.6240409207, 1e-10);
}

TEST(RougeGolden, WithAndWithoutStems) {
  const std::string wanted = "Running dogs' owners happily enjoyed 2 walks";
  const std::string text = "The dog's owner enjoys walking, runs happily";
  expect_score(rouge_n(rouge_tokens(text), rouge_tokens(wanted), 1), 0.125, 1.0 / 7, 2.0 / 15);
  const RougeOptions stems{.stem = true};
  expect_score(rouge_n(rouge_tokens(text, stems), rouge_tokens(wanted, stems), 1), 0.75, 6.0 / 7, 0.8);
  expect_score(rouge_l(rouge_tokens(text, stems), rouge_tokens(wanted, stems)), 0.5, 4.0 / 7, 8.0 / 15);
}

TEST(RougeTest, TokensAreAsciiLettersAndDigits) {
  EXPECT_EQ(rouge_tokens("It's 3-4; caf\xC3\xA9 \xE2\x84\xAA!"),
            (std::vector<std::string>{"it", "s", "3", "4", "caf", "k"}));
  EXPECT_TRUE(rouge_tokens(" \xE2\x80\x94 ").empty());
}

TEST(RougeTest, NothingSharedIsZero) {
  expect_score(rouge_n({}, rouge_tokens("a b"), 1), 0, 0, 0);
  expect_score(rouge_n(rouge_tokens("a"), rouge_tokens("a"), 2), 0, 0, 0);
  expect_score(rouge_l(rouge_tokens("a"), {}), 0, 0, 0);
}

// Each measure takes its own best reference.
TEST(RougeTest, SeveralReferencesAndSums) {
  RougeScorer scorer, other;
  scorer.add("a b c", std::vector<std::string>{"c b a", "a b x y z w"});
  EXPECT_DOUBLE_EQ(*scorer.rouge_1(), 1);
  EXPECT_DOUBLE_EQ(*scorer.rouge_2(), 2.0 / 7);
  EXPECT_DOUBLE_EQ(*scorer.rouge_l(), 4.0 / 9);
  other.add("a", std::vector<std::string>{"b"});
  scorer += other;
  EXPECT_DOUBLE_EQ(*scorer.rouge_1(), 0.5);
  EXPECT_THROW(scorer.add("a", {}), Error);
}

TEST(PorterTest, StemsAsNltk) {
  const std::pair<const char*, const char*> words[] = {
      {"caresses", "caress"}, {"ponies", "poni"},     {"ties", "tie"},       {"dying", "die"},
      {"agreed", "agre"},     {"plastered", "plaster"}, {"hopping", "hop"},  {"falling", "fall"},
      {"filing", "file"},     {"happy", "happi"},     {"enjoy", "enjoy"},    {"relational", "relat"},
      {"radically", "radic"}, {"geology", "geolog"},  {"hopefully", "hope"}, {"electrical", "electr"},
      {"replacement", "replac"}, {"adoption", "adopt"}, {"controlling", "control"}, {"rate", "rate"},
      {"syzygy", "syzygi"},   {"as", "as"}};
  for (const auto& [word, stem] : words) EXPECT_EQ(porter_stem(word), stem) << word;
}

}  // namespace
}  // namespace discreet::stats
