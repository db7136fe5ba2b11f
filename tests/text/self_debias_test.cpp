#include "discreet/text/generation/self_debias.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <string>

#include "discreet/core/error.h"
#include "discreet/text/corpus.h"

namespace discreet::text {
namespace {

std::vector<float> logs(const std::vector<double>& p) {
  std::vector<float> logits;
  for (const double x : p) logits.push_back(static_cast<float>(std::log(x)));
  return logits;
}

TEST(SelfDebias, OneRow) {
  const std::vector<float> biased = logs({.2, .6, .2});
  const std::vector<std::span<const float>> list = {biased};
  for (const auto& [decay, expected] : std::map<double, std::vector<double>>{
           {50, {.711237553, .004267425, .284495021}}, {10, {.699363182, .020891546, .279745273}}}) {
    std::vector<float> plain = logs({.5, .3, .2});
    self_debias(plain, list, decay, .01);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(std::exp(plain[i]), expected[i], 1e-6) << decay;
  }
}

TEST(SelfDebias, OfSeveralPrefixesTheWorstCounts) {
  const std::vector<float> one = logs({.2, .6, .2}), other = logs({.6, .2, .2});
  std::vector<float> plain = logs({.5, .3, .2});
  self_debias(plain, std::vector<std::span<const float>>{one, other}, 10, .01);
  const double a = .5 * std::exp(-1), b = .3 * std::exp(-3), c = .2;
  EXPECT_NEAR(std::exp(plain[0]), a / (a + b + c), 1e-6);
  EXPECT_NEAR(std::exp(plain[1]), b / (a + b + c), 1e-6);
  plain = logs({.5, .3, .2});
  self_debias(plain, std::vector<std::span<const float>>{plain}, 10, .01);
  EXPECT_NEAR(std::exp(plain[1]), .3, 1e-6);
}

/// Two words follow: "a" (1) or "b" (2); behind the token 9 (the prefix) "a" is likelier. Keeps its rows' texts.
class Toy final : public NextTokenModel {
 public:
  std::int64_t vocabulary() const override { return 10; }
  std::int64_t longest() const override { return 7; }
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override {
    rows_.assign(prompts.begin(), prompts.end());
    return logits();
  }
  std::span<float> step(std::span<const std::int64_t> parents, std::span<const std::int64_t> tokens) override {
    std::vector<std::vector<std::int64_t>> next;
    for (std::size_t r = 0; r < parents.size(); ++r) {
      next.push_back(rows_.at(static_cast<std::size_t>(parents[r])));
      next.back().push_back(tokens[r]);
    }
    rows_ = next;
    return logits();
  }
  std::vector<std::vector<std::int64_t>> rows_;

 private:
  std::span<float> logits() {
    values_.assign(rows_.size() * 10, -30);
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const bool biased = rows_[r].size() > 1 && rows_[r][1] == 9;
      values_[r * 10 + 1] = std::log(biased ? .9F : .6F);
      values_[r * 10 + 2] = std::log(biased ? .1F : .4F);
    }
    return values_;
  }
  std::vector<float> values_;
};

TEST(SelfDebias, AWriterTurnsFromWhatThePrefixAsksFor) {
  Toy model;
  GenerationOptions options{.max_new_tokens = 3};
  const std::vector<std::vector<std::int64_t>> prompts = {{0, 3}, {0, 4, 5}};
  EXPECT_EQ(generate(model, prompts, options)[0][0].ids, (std::vector<std::int64_t>{1, 1, 1}));
  options.debias_prefixes = {{0, 9, 7}};
  options.debias_shared = 1;
  const auto texts = generate(model, prompts, options);
  EXPECT_EQ(texts[0][0].ids, (std::vector<std::int64_t>{2, 2, 2}));
  EXPECT_EQ(texts[1][0].ids, (std::vector<std::int64_t>{2, 2}));  // its prefix leaves less room
  EXPECT_EQ(model.rows_.back(), (std::vector<std::int64_t>{0, 9, 7, 3, 2, 2}));
  options.debias_decay = 0;
  EXPECT_EQ(generate(model, prompts, options)[0][0].ids, (std::vector<std::int64_t>{1, 1, 1}));
  options.debias_floor = 0;
  EXPECT_THROW(generate(model, prompts, options), Error);
}

/// What a model of the built-in corpus says of "she" behind a profession, and what it says when it is told to lean as the
/// corpus does: odds cubed.
class LeaningModel final : public NextTokenModel {
 public:
  explicit LeaningModel(const std::vector<double>& she) : she_(she) {}
  std::int64_t vocabulary() const override { return static_cast<std::int64_t>(she_.size()) + 3; }
  std::int64_t longest() const override { return 16; }
  // Tokens: 0 "she", 1 "he", 2 the prefix, then professions. The last token is the profession.
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override {
    const auto width = static_cast<std::size_t>(vocabulary());
    values_.assign(prompts.size() * width, -60);
    for (std::size_t r = 0; r < prompts.size(); ++r) {
      const double odds = she_[static_cast<std::size_t>(prompts[r].back() - 3)] / (1 - she_[static_cast<std::size_t>(prompts[r].back() - 3)]);
      const double told = prompts[r].front() == 2 ? std::pow(odds, 3) : odds;
      values_[r * width] = static_cast<float>(std::log(told / (1 + told)));
      values_[r * width + 1] = static_cast<float>(-std::log(1 + told));
    }
    return values_;
  }
  std::span<float> step(std::span<const std::int64_t>, std::span<const std::int64_t>) override { return {}; }

 private:
  std::vector<double> she_;
  std::vector<float> values_;
};

TEST(SelfDebias, ThePlantedSkewOfTheCorpusShrinks) {
  std::map<std::string, std::array<double, 2>> counts;
  const auto corpus = make_corpus_reader({.lines = 20000, .gender_skew = .8});
  for (Example example; corpus->next(example);) {
    if (!example.extra.contains("profession")) continue;
    const std::string& pronoun = example.extra["pronoun"];
    if (pronoun == "she" || pronoun == "he") ++counts[example.extra["profession"]][pronoun == "she" ? 0 : 1];
  }
  std::vector<double> she;
  for (const auto& [profession, n] : counts) she.push_back((n[0] + .5) / (n[0] + n[1] + 1));
  ASSERT_GE(she.size(), 20u);
  LeaningModel model(she);
  const auto polarity = [&](NextTokenModel& asked) {
    std::vector<std::vector<std::int64_t>> prompts;
    for (std::size_t p = 0; p < she.size(); ++p) prompts.push_back({static_cast<std::int64_t>(p) + 3});
    const std::span<float> logits = asked.start(prompts);
    double sum = 0;
    for (std::size_t p = 0; p < she.size(); ++p) {
      const auto row = logits.subspan(p * static_cast<std::size_t>(asked.vocabulary()), 2);
      sum += std::abs(std::tanh((row[0] - row[1]) / 2.0)) / static_cast<double>(she.size());
    }
    return sum;
  };
  const double before = polarity(model);
  SelfDebias debiased(model, {.prefixes = {{2}}, .decay = 5});
  const double after = polarity(debiased);
  EXPECT_GT(before, .45);
  EXPECT_LT(after, .6 * before) << before << " " << after;
}

}  // namespace
}  // namespace discreet::text
