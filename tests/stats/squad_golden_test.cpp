// Oracles of the reference page (federated.md 11.12) and hand tables of the SQuAD script's rules.
#include <gtest/gtest.h>

#include "discreet/stats/squad.h"

namespace discreet::stats {
namespace {

struct AnswerCase {
  const char* prediction;
  std::vector<std::string> golds;
  double exact, f1;
};

class SquadGolden : public testing::TestWithParam<AnswerCase> {};

TEST_P(SquadGolden, ExactMatchAndF1) {
  const AnswerScore score = answer_score(GetParam().prediction, GetParam().golds);
  EXPECT_DOUBLE_EQ(score.exact, GetParam().exact);
  EXPECT_NEAR(score.f1, GetParam().f1, 1e-10);
}

INSTANTIATE_TEST_SUITE_P(
    Page, SquadGolden,
    testing::Values(AnswerCase{"the Eiffel Tower in Paris", {"Eiffel Tower", "Paris"}, 0, 2.0 / 3},
                    AnswerCase{"a cat, sat!", {"The cat sat"}, 1, 1},
                    AnswerCase{"the", {"The"}, 1, 1},
                    AnswerCase{"in 1990 or 1991", {"1990"}, 0, 0.4}));
INSTANTIATE_TEST_SUITE_P(
    Empty, SquadGolden,
    testing::Values(AnswerCase{"", {}, 1, 1}, AnswerCase{"Paris", {}, 0, 0},
                    AnswerCase{"Paris", {""}, 0, 0}, AnswerCase{"", {"Paris"}, 0, 0},
                    // A gold answer without words does not count where another has some.
                    AnswerCase{"", {"the", "Paris"}, 0, 0},
                    AnswerCase{"Paris", {"the", "Paris"}, 1, 1}));
INSTANTIATE_TEST_SUITE_P(Multisets, SquadGolden,
                         testing::Values(AnswerCase{"x x x", {"x x y"}, 0, 2.0 / 3},
                                         AnswerCase{"x", {"x x x"}, 0, 0.5}));

// An article is one only between what are no word characters; letters beyond ASCII are such.
TEST(SquadTest, Normalises) {
  EXPECT_EQ(normalized_answer("A an the THE-Theatre, U.S.A."), "thetheatre usa");
  EXPECT_EQ(normalized_answer("\xC3\x89" "a a\xC3\xA9 a\xE2\x80\x93the\xC2\xA0x"),
            "\xC3\xA9" "a a\xC3\xA9 \xE2\x80\x93 x");
  EXPECT_EQ(normalized_answer("the the a"), "");
}

TEST(SquadTest, ScorersMerge) {
  AnswerScorer one, two;
  one.add("in 1990 or 1991", std::vector<std::string>{"1990"});
  two.add("Paris", std::vector<std::string>{"paris."});
  one += two;
  EXPECT_DOUBLE_EQ(*one.exact_match(), 0.5);
  EXPECT_DOUBLE_EQ(*one.f1(), 0.7);
  EXPECT_FALSE(AnswerScorer{}.f1().has_value());
}

}  // namespace
}  // namespace discreet::stats
