#include "discreet/text/details.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace discreet::text {
namespace {

std::vector<Example> messages(const DetailOptions& options) {
  std::vector<Example> all;
  const auto reader = make_detail_reader(options);
  for (Example example; reader->next(example);) all.push_back(example);
  return all;
}

TEST(Details, TagsAreTheWordsOfTheValue) {
  for (const Example& example : messages({.lines = 400, .kinds = "all"})) {
    std::size_t inside = 0;
    for (const std::string& tag : example.tags) inside += tag == "O" ? 0 : 1;
    ASSERT_EQ(example.words.size(), example.tags.size());
    EXPECT_EQ(inside == 0, example.label == "plain") << example.text;
  }
}

/// Lower-case words outside details that stand in `all` and how many of those are not in `known`.
std::pair<double, double> lower_words(const std::vector<Example>& all, const std::set<std::string>& known) {
  double words = 0, strange = 0;
  for (const Example& example : all) {
    for (std::size_t i = 0; i < example.words.size(); ++i) {
      const std::string& word = example.words[i];
      if (example.tags[i] != "O" || word.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos) continue;
      ++words;
      strange += known.contains(word) ? 0 : 1;
    }
  }
  return {words, strange};
}

TEST(Details, TrainingMessagesHaveWordsThatAreNewAndNoDetail) {
  std::set<std::string> known;
  const std::vector<Example> test = messages({.lines = 4000, .split = Split::kTest});
  for (const Example& example : test) known.insert(example.words.begin(), example.words.end());
  const auto [words, strange] = lower_words(messages({.lines = 4000}), known);
  EXPECT_NEAR(strange / words, 0.15, 0.02);
  EXPECT_EQ(lower_words(messages({.lines = 1000, .split = Split::kDev}), known).second, 0);
  for (const Example& example : messages({.lines = 500})) {
    if (example.label == "plain") continue;
    const std::size_t begin = std::stoul(example.extra.at("begin")), end = std::stoul(example.extra.at("end"));
    ASSERT_LT(begin, end);
    ASSERT_LE(end, example.text.size());
  }
}

}  // namespace
}  // namespace discreet::text
