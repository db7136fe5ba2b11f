#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/text/generation/filters.h"
#include "discreet/text/generation/search.h"

namespace discreet::text {
namespace {

constexpr float kOut = -std::numeric_limits<float>::infinity();

std::vector<double> softmax(const std::vector<float>& logits) {
  const double total = log_sum_exp(logits);
  std::vector<double> p;
  for (const float logit : logits) p.push_back(std::exp(logit - total));
  return p;
}

/// "top_p 0.9" and the like, as the golden file writes them.
void apply_named_filter(const std::string& name, std::vector<float>& logits) {
  const auto part = [](const std::string& text, std::size_t i) {
    std::istringstream in(text);
    std::string word;
    for (std::size_t k = 0; k <= i; ++k) in >> word;
    return word;
  };
  std::istringstream in(name);
  std::string piece;
  if (name.starts_with("repetition_penalty")) {
    penalise_repetition(logits, std::vector<std::int64_t>{3, 7, 7}, std::stod(part(name, 1)));
    return;
  }
  while (std::getline(in, piece, ',')) {
    const std::string what = part(piece, 0);
    const double value = what == "none" ? 0 : std::stod(part(piece, 1));
    if (what == "temperature") scale_by_temperature(logits, value);
    if (what == "top_k") keep_top_k(logits, static_cast<std::int64_t>(value));
    if (what == "top_p") keep_top_p(logits, value);
    if (what == "min_p") keep_min_p(logits, value);
    if (what == "typical_p") keep_typical(logits, value);
  }
}

TEST(GenerationFilters, EqualHuggingFaceOnTheGoldenRow) {
  const char* data = std::getenv("DISCREET_DATA");
  if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
  const std::string file = std::string(data) + "/golden/tiny/sampling_filters.json";
  const Json golden = core::parse_json(core::read_file(file), file);
  ASSERT_EQ(golden.at("cases").size(), 11U);
  for (const Json& entry : golden.at("cases")) {
    auto logits = golden.at("logits").get<std::vector<float>>();
    apply_named_filter(entry.at("filter").get<std::string>(), logits);
    const auto expected = entry.at("probabilities").get<std::vector<double>>();
    const std::vector<double> p = softmax(logits);
    for (std::size_t i = 0; i < p.size(); ++i) {
      EXPECT_NEAR(p[i], expected[i], 1e-6) << entry.at("filter") << " token " << i;
      EXPECT_EQ(p[i] == 0, expected[i] == 0) << entry.at("filter") << " token " << i;
    }
  }
}

TEST(GenerationFilters, DoByHandWhatTheirPagesSay) {
  std::vector<float> row{1, -1, 2, 0};
  penalise_repetition(row, std::vector<std::int64_t>{0, 1, 1, 99}, 2);
  EXPECT_EQ(row, (std::vector<float>{0.5F, -2, 2, 0}));

  row = {1, 1, 1, 1};
  forbid_repeated_ngrams(row, std::vector<std::int64_t>{0, 1, 2, 0, 1}, 3);
  EXPECT_EQ(row, (std::vector<float>{1, 1, kOut, 1}));
  row = {1, 1, 1, 1};
  forbid_repeated_ngrams(row, std::vector<std::int64_t>{3, 1}, 1);
  EXPECT_EQ(row, (std::vector<float>{1, kOut, 1, kOut}));

  row = {1, 1, 1, 1};
  const std::vector<std::vector<std::int64_t>> words{{3}, {0, 1}, {2, 0, 2}, {1, 1, 1, 1, 1, 0}};
  forbid_words(row, std::vector<std::int64_t>{2, 0}, words);
  EXPECT_EQ(row, (std::vector<float>{1, kOut, kOut, kOut}));

  row = {1, 2, 3, 4};
  force_tokens(row, std::vector<std::int64_t>{1, 2});
  EXPECT_EQ(row, (std::vector<float>{kOut, 0, 0, kOut}));

  row = {3, 3, 1, 3};  // equals of the last one stay, as there
  keep_top_k(row, 2);
  EXPECT_EQ(row, (std::vector<float>{3, 3, kOut, 3}));
  row = {0, 0, 0, 0};
  keep_top_p(row, 0.5);
  EXPECT_EQ(row, (std::vector<float>{0, 0, kOut, kOut}));
  row = {5, 0, -1, 1};
  keep_top_p(row, 0.01, 2);
  EXPECT_EQ(row, (std::vector<float>{5, kOut, kOut, 1}));
  keep_min_p(row, 1, 1);
  EXPECT_EQ(row, (std::vector<float>{5, kOut, kOut, kOut}));

  EXPECT_THROW(forbid_words(row, {}, std::vector<std::vector<std::int64_t>>{{4}}), Error);
  EXPECT_THROW(force_tokens(row, std::vector<std::int64_t>{-1}), Error);
  core::ReproducibleRng rng(1);
  row = {kOut, kOut};
  EXPECT_THROW(draw_token(row, rng), Error);
}

TEST(GenerationFilters, TopPSortsNoMoreThanItMustAndKeepsTheSame) {
  core::ReproducibleRng rng(3);
  std::vector<float> logits(5000);
  for (float& logit : logits) logit = static_cast<float>(rng.normal());
  for (const double p : {0.01, 0.3, 0.9, 0.9999}) {
    std::vector<float> kept = logits;
    keep_top_p(kept, p);
    const std::vector<double> before = softmax(logits);
    double mass = 0, least_kept = 1, most_dropped = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] == kOut) {
        most_dropped = std::max(most_dropped, before[i]);
      } else {
        mass += before[i];
        least_kept = std::min(least_kept, before[i]);
      }
    }
    EXPECT_GE(mass, p);
    EXPECT_LT(mass - least_kept, p);
    EXPECT_GE(least_kept, most_dropped);
  }
}

/// A model whose logits after token i at place p are row i of a table times 1 + p sharpening.
class TableModel final : public NextTokenModel {
 public:
  explicit TableModel(std::vector<std::vector<float>> table, std::int64_t longest = 64,
                      float sharpening = 0)
      : table_(std::move(table)), longest_(longest), sharpening_(sharpening) {}
  std::int64_t vocabulary() const override { return static_cast<std::int64_t>(table_.size()); }
  std::int64_t longest() const override { return longest_; }
  std::span<float> start(std::span<const std::vector<std::int64_t>> prompts) override {
    rows_.assign(prompts.begin(), prompts.end());
    return logits();
  }
  std::span<float> step(std::span<const std::int64_t> parents,
                        std::span<const std::int64_t> tokens) override {
    std::vector<std::vector<std::int64_t>> next;
    for (std::size_t r = 0; r < parents.size(); ++r) {
      next.push_back(rows_.at(static_cast<std::size_t>(parents[r])));
      next.back().push_back(tokens[r]);
    }
    rows_ = std::move(next);
    return logits();
  }

 private:
  std::span<float> logits() {
    logits_.clear();
    for (const auto& row : rows_) {
      const std::vector<float>& from = table_.at(static_cast<std::size_t>(row.back()));
      const float sharper = 1 + static_cast<float>(row.size() - 1) * sharpening_;
      for (const float logit : from) logits_.push_back(logit * sharper);
    }
    return logits_;
  }
  std::vector<std::vector<float>> table_;
  std::int64_t longest_;
  float sharpening_;
  std::vector<std::vector<std::int64_t>> rows_;
  std::vector<float> logits_;
};

Json golden_generation() {
  const std::filesystem::path file =
      std::filesystem::path(__FILE__).parent_path().parent_path() / "golden/generation.json";
  return core::parse_json(core::read_file(file), file.string());
}

std::vector<std::vector<float>> golden_table(const Json& golden, std::size_t number) {
  return golden.at("tables").at(number).get<std::vector<std::vector<float>>>();
}

GenerationOptions options_of(const Json& golden, const Json& named) {
  GenerationOptions o{.max_new_tokens = golden.at("max_new_tokens").get<std::int64_t>(),
                      .end = {golden.at("end").get<std::int64_t>()}};
  for (const auto& [name, value] : named.items()) {
    if (name == "num_beams") o.beams = value;
    if (name == "num_return_sequences") o.sequences = value;
    if (name == "length_penalty") o.length_penalty = value;
    if (name == "early_stopping") {
      o.early_stopping = value.is_string()   ? EarlyStopping::kNever
                         : value.get<bool>() ? EarlyStopping::kTrue
                                             : EarlyStopping::kFalse;
    }
    if (name == "repetition_penalty") o.repetition_penalty = value;
    if (name == "no_repeat_ngram_size") o.no_repeat_ngram_size = value;
    if (name == "min_length") o.min_length = value;
    if (name == "min_new_tokens") o.min_new_tokens = value;
    if (name == "bad_words_ids") o.forbidden_words = value.get<std::vector<std::vector<std::int64_t>>>();
    if (name == "forced_bos_token_id") o.forced_first = value;
    if (name == "forced_eos_token_id") o.forced_last = {value.get<std::int64_t>()};
    if (name == "suppress_tokens") o.suppressed = value.get<std::vector<std::int64_t>>();
    if (name == "eos_token_id") {
      o.end = value.is_null() ? std::vector<std::int64_t>{} : value.get<std::vector<std::int64_t>>();
    }
  }
  return o;
}

TEST(Generation, GreedyAndBeamsEqualHuggingFacesGenerate) {
  const Json golden = golden_generation();
  ASSERT_GT(golden.at("cases").size(), 100U);
  for (const Json& entry : golden.at("cases")) {
    TableModel model(golden_table(golden, entry.at("table").get<std::size_t>()), 64, 1.0F / 32);
    const std::vector<std::vector<std::int64_t>> prompts{
        entry.at("prompt").get<std::vector<std::int64_t>>()};
    const auto texts = generate(model, prompts, options_of(golden, entry.at("options")));
    std::vector<std::vector<std::int64_t>> ids;
    for (const GeneratedText& text : texts.at(0)) ids.push_back(text.ids);
    EXPECT_EQ(ids, entry.at("ids").get<std::vector<std::vector<std::int64_t>>>())
        << entry.at("options") << " after " << entry.at("prompt");
  }
}

TEST(Generation, APromptGetsTheSameWhateverStandsBesideIt) {
  const Json golden = golden_generation();
  const std::vector<std::vector<std::int64_t>> prompts{{1}, {4, 9, 1}, {7, 7}, {3, 2, 5, 0}};
  for (const std::int64_t beams : {1, 3}) {
    TableModel model(golden_table(golden, 0));
    const GenerationOptions o{.max_new_tokens = 12, .end = {2}, .beams = beams, .sequences = beams};
    const auto together = generate(model, prompts, o);
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const auto alone = generate(model, std::span(prompts).subspan(p, 1), o);
      for (std::size_t s = 0; s < alone[0].size(); ++s) {
        EXPECT_EQ(together[p][s].ids, alone[0][s].ids);
        EXPECT_DOUBLE_EQ(together[p][s].log_prob, alone[0][s].log_prob);
      }
    }
  }
}

TEST(Generation, CanBeEndedBeforeAnyStep) {
  const Json golden = golden_generation();
  const std::vector<std::vector<std::int64_t>> prompts{{1}, {4, 9, 1}};
  for (const std::int64_t beams : {1, 3}) {
    TableModel model(golden_table(golden, 0));
    int steps = 0;
    GenerationOptions o{.max_new_tokens = 12, .beams = beams};
    o.before_step = [&steps] {
      if (++steps == 3) throw usage_error("enough");
    };
    EXPECT_THROW(generate(model, prompts, o), Error);
    EXPECT_EQ(steps, 3);
  }
}

TEST(Generation, WideBeamsFindTheMostLikelyTextOfAll) {
  const Json golden = golden_generation();
  const auto table = golden_table(golden, 0);
  TableModel model(table);
  const std::vector<std::vector<std::int64_t>> prompts{{1}};
  const auto texts =
      generate(model, prompts, {.max_new_tokens = 3, .beams = 144, .length_penalty = 0, .sequences = 5});
  std::vector<double> sums;
  for (std::size_t a = 0; a < 12; ++a) {
    for (std::size_t b = 0; b < 12; ++b) {
      for (std::size_t c = 0; c < 12; ++c) {
        sums.push_back(table[1][a] - log_sum_exp(table[1]) + table[a][b] - log_sum_exp(table[a]) +
                       table[b][c] - log_sum_exp(table[b]));
      }
    }
  }
  std::ranges::sort(sums, std::greater<>());
  for (std::size_t s = 0; s < 5; ++s) EXPECT_NEAR(texts[0][s].log_prob, sums[s], 1e-5);
}

TEST(Generation, SamplesByTheFilteredProbabilitiesAndRepeatsWithTheSeed) {
  TableModel model({{0, 1, 2, -1}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
  const std::vector<std::vector<std::int64_t>> prompts{{0}};
  GenerationOptions o{.max_new_tokens = 1, .sample = true, .temperature = 0.8, .top_k = 3, .seed = 5,
                      .sequences = 20000};
  const auto texts = generate(model, prompts, o);
  std::map<std::int64_t, double> share;
  for (const GeneratedText& text : texts[0]) share[text.ids[0]] += 1.0 / 20000;
  EXPECT_EQ(share.count(3), 0U);
  std::vector<float> row{0, 1, 2, -1};
  scale_by_temperature(row, 0.8);
  keep_top_k(row, 3);
  // Five deviations of a share of 20,000 draws: a false alarm in less than one of a million seeds.
  for (const std::int64_t token : {0, 1, 2}) {
    EXPECT_NEAR(share[token], softmax(row)[static_cast<std::size_t>(token)], 5 * 0.5 / std::sqrt(20000.0));
  }
  const auto again = generate(model, prompts, o);
  EXPECT_TRUE(std::ranges::equal(texts[0], again[0], {}, &GeneratedText::ids, &GeneratedText::ids));
  o.seed = 6;
  const auto other = generate(model, prompts, o);
  EXPECT_FALSE(std::ranges::equal(texts[0], other[0], {}, &GeneratedText::ids, &GeneratedText::ids));
}

TEST(Generation, BeamsThatSampleDrawWithoutReplacement) {
  TableModel model({{0, 1, 2, -1}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}});
  const std::vector<std::vector<std::int64_t>> prompts{{0}};
  std::map<std::int64_t, int> first;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const auto texts = generate(
        model, prompts, {.max_new_tokens = 1, .sample = true, .seed = seed, .beams = 2, .sequences = 2});
    ASSERT_EQ(texts[0].size(), 2U);
    EXPECT_NE(texts[0][0].ids, texts[0][1].ids);
    ++first[texts[0][0].ids[0]];
  }
  EXPECT_GT(first[2], first[1]);
  EXPECT_GT(first.size(), 1U);
}

TEST(Generation, TellsTokensAsTheyComeAndStopsAtTheModelsEnd) {
  TableModel model({{0, 1, 0}, {0, 0, 1}, {1, 0, 0}}, 6);
  const std::vector<std::vector<std::int64_t>> prompts{{0}, {1, 1, 1}};
  std::map<std::size_t, std::vector<std::int64_t>> told;
  const auto texts = generate(model, prompts, {.max_new_tokens = 50},
                              [&](std::size_t prompt, std::size_t, std::int64_t token) {
                                told[prompt].push_back(token);
                              });
  EXPECT_EQ(texts[0][0].ids, (std::vector<std::int64_t>{1, 2, 0, 1, 2}));
  EXPECT_EQ(texts[1][0].ids, (std::vector<std::int64_t>{2, 0, 1}));
  EXPECT_FALSE(texts[0][0].ended);
  EXPECT_EQ(told[0], texts[0][0].ids);
  EXPECT_EQ(told[1], texts[1][0].ids);
}

TEST(Generation, RefusesWhatMeansNothing) {
  TableModel model({{0, 1}, {1, 0}}, 3);
  const std::vector<std::vector<std::int64_t>> one{{0}}, none{{}}, long_one{{0, 0, 0}};
  EXPECT_THROW(generate(model, none, {}), Error);
  EXPECT_THROW(generate(model, long_one, {}), Error);
  for (const GenerationOptions& wrong :
       {GenerationOptions{.max_new_tokens = 0}, GenerationOptions{.temperature = 0},
        GenerationOptions{.top_p = 0}, GenerationOptions{.typical_p = 1.5}, GenerationOptions{.beams = 0},
        GenerationOptions{.sequences = 2}, GenerationOptions{.repetition_penalty = -1}}) {
    EXPECT_THROW(check_generation(wrong), Error);
  }
  TableModel broken({{NAN, 1}, {1, 0}});
  EXPECT_THROW(generate(broken, one, {}), Error);
  EXPECT_THROW(generate(broken, one, {.beams = 2}), Error);
}

}  // namespace
}  // namespace discreet::text
