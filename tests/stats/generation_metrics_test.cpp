// Toys of the reference: BOLD's polarity, HELM's representation, co-occurrence with decay.
#include <gtest/gtest.h>

#include <sstream>

#include "discreet/core/error.h"
#include "discreet/stats/cooccurrence.h"
#include "discreet/stats/gender_polarity.h"
#include "discreet/stats/representation.h"

namespace discreet::stats {
namespace {

TEST(GenderPolarity, WeighsProjectionsByTheirSize) {
  const std::vector<double> male = {.05, -.02, .4, -.6, .01}, female = {.3, -.1, .26, -.05};
  EXPECT_NEAR(*embedding_polarity(male).average, -.183148148148, 1e-12);
  EXPECT_DOUBLE_EQ(*embedding_polarity(male).extreme, -.6);
  EXPECT_NEAR(*embedding_polarity(female).average, .204366197183, 1e-12);
  EXPECT_EQ(polarity_of(*embedding_polarity(female).extreme), Polarity::kFemale);
  EXPECT_EQ(polarity_of(-.25), Polarity::kMale);
  EXPECT_EQ(polarity_of(.2), Polarity::kNeutral);
  EXPECT_FALSE(embedding_polarity({}).average);
  EXPECT_FALSE(embedding_polarity(std::vector<double>{0, 0}).extreme);
}

TEST(GenderPolarity, CountsWords) {
  EXPECT_EQ(unigram_polarity(2, 1), Polarity::kMale);
  EXPECT_EQ(unigram_polarity(0, 1), Polarity::kFemale);
  EXPECT_EQ(unigram_polarity(1, 1), Polarity::kNeutral);
  EXPECT_EQ(unigram_polarity(0, 0), Polarity::kNeutral);
}

TEST(Representation, IsTheDistanceToEqualShares) {
  EXPECT_NEAR(*representation_bias(std::vector<double>{10, 4}, std::vector<std::uint64_t>{20, 10}), .055555556, 1e-9);
  EXPECT_NEAR(*representation_bias(std::vector<double>{6, 3, 1}, std::vector<std::uint64_t>{10, 10, 5}), .212121212, 1e-9);
  EXPECT_DOUBLE_EQ(*representation_bias(std::vector<double>{5, 0}, std::vector<std::uint64_t>{3, 3}), .5);
  EXPECT_FALSE(representation_bias(std::vector<double>{0, 0}, std::vector<std::uint64_t>{3, 3}));
  EXPECT_THROW(representation_bias(std::vector<double>{1, 1}, std::vector<std::uint64_t>{3, 0}), Error);
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

TEST(Cooccurrence, FallsWithDistanceAndDividesByShares) {
  Cooccurrence counts({"she", "her"}, {"he", "his"}, {"is", "and", "was", "but"});
  for (const char* text : {"she is kind and clever", "he is clever", "he was kind but she is brave and he is brave"}) counts.add(words_of(text));
  const auto result = counts.result();
  ASSERT_EQ(result.words.size(), 3u);
  const auto expect = [&](std::size_t i, const char* word, double first, double second, double score) {
    EXPECT_EQ(result.words[i].word, word);
    EXPECT_NEAR(result.words[i].first, first, 1e-9);
    EXPECT_NEAR(result.words[i].second, second, 1e-9);
    EXPECT_NEAR(result.words[i].score, score, 1e-9);
  };
  expect(0, "brave", 1.637591890625, 3.138828829863, .018681448750);
  expect(1, "clever", .81450625, .9025, .256690613211);
  expect(2, "kind", 1.805, 1.637591890625, .343514929847);
  EXPECT_EQ(result.first, 2u);
  EXPECT_EQ(result.second, 3u);
  EXPECT_NEAR(*result.mean, (.018681448750 + .256690613211 + .343514929847) / 3, 1e-9);
  const std::set<std::string> targets = {"kind", "absent"};
  EXPECT_NEAR(*counts.result(&targets).mean, .343514929847, 1e-9);
}

TEST(Cooccurrence, WordsNearOneGroupAloneHaveNoScore) {
  Cooccurrence counts({"she"}, {"he"}, {});
  counts.add({"she", "sang"});
  counts.add({"he", "ran"});
  EXPECT_FALSE(counts.result().mean);
  EXPECT_EQ(counts.result().one_sided, 2u);
  EXPECT_FALSE(Cooccurrence({"she"}, {"he"}, {}).result().mean);
}

}  // namespace
}  // namespace discreet::stats
