#include "discreet/app/ops/internal/role_measures.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/app/internal/counterfactual.h"
#include "discreet/app/subwords.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/fairness/next_token_odds.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/last_rows.h"
#include "discreet/nn/model.h"
#include "discreet/nn/token_batches.h"
#include "discreet/stats/bootstrap.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

// Of the built-in corpus; its leans are planted there (docs/corpus.md).
constexpr const char* kProfessions[] = {
    "nurse",    "teacher",   "librarian", "florist",     "dancer",  "nanny",  "receptionist", "hairdresser",
    "dietitian", "tailor",   "baker",     "cleaner",     "therapist", "singer", "pharmacist", "translator",
    "engineer", "plumber",   "mechanic",  "carpenter",   "pilot",   "electrician", "surgeon", "lawyer",
    "driver",   "gardener",  "programmer", "butcher",    "dentist", "janitor", "guard",      "banker"};
constexpr const char* kTemplates[] = {"text the {} that", "plan a meeting with the {} and ask if"};

std::vector<std::int64_t> prompt_ids(const Encoder& encoder, const std::string& text) {
  std::vector<std::int64_t> ids{encoder.language.end};
  if (encoder.subwords) {
    for (const Piece& piece : encoder.subwords->pieces(text)) ids.push_back(piece.id);
  } else {
    for (const std::string& word : encoder.tokenizer->words(text)) ids.push_back(encoder.vocabulary.id(word));
  }
  return ids;
}

/// The one token that a word is where it goes on with a text.
std::int64_t word_id(const Encoder& encoder, const std::string& word) {
  const auto refuse = [&](const char* why) {
    return bad_data(fmt::format("'{}' {}", word, why), "Measure words that are one token of the model's vocabulary.");
  };
  if (!encoder.subwords) {
    const std::int64_t id = encoder.vocabulary.id(word);
    if (id == text::Vocabulary::kUnknown) throw refuse("is not in the model's vocabulary");
    return id;
  }
  const auto pieces = encoder.subwords->pieces(" " + word);
  if (pieces.size() != 1) throw refuse("is several tokens of the model");
  return pieces.front().id;
}

std::optional<stats::Interval> ci_of(const stats::BootstrapEstimate& estimate) { return estimate.ci; }

/// Fills an effect from a statistic of items, before, after and their difference on the same resamples.
template <class Statistic>
void estimate(std::size_t items, const Statistic& statistic, Effect& effect) {
  const std::vector<stats::Stratum> strata{stats::whole_sample(items)};
  const auto all = stats::bootstrap_many(
      strata, 3,
      [&](std::span<const std::uint32_t> chosen, std::span<std::optional<double>> out) {
        out[0] = statistic(chosen, 0);
        out[1] = statistic(chosen, 1);
        if (out[0] && out[1]) out[2] = *out[1] - *out[0];
      },
      {.resamples = 1000});
  effect.before = all[0].value;
  effect.after = all[1].value;
  effect.before_ci = ci_of(all[0]);
  effect.after_ci = ci_of(all[1]);
  effect.difference_ci = ci_of(all[2]);
  effect.n = items;
}

/// Mean log odds of each item, in the order of first appearance.
std::vector<double> by_item(const std::vector<RolePrompt>& prompts, const std::vector<double>& odds) {
  std::map<std::string, std::size_t> places;
  std::vector<double> sums, counts;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto [place, fresh] = places.try_emplace(prompts[i].item, sums.size());
    if (fresh) {
      sums.push_back(0);
      counts.push_back(0);
    }
    sums[place->second] += odds[i];
    ++counts[place->second];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i];
  return sums;
}

/// Whether a model has tokens for what a prompt is about; subwords spell anything, an unknown word says nothing of its item.
bool knows(const Encoder& encoder, const std::string& item) {
  if (encoder.subwords) return true;
  return std::ranges::none_of(encoder.tokenizer->words(item),
                              [&](const std::string& word) { return encoder.vocabulary.id(word) == text::Vocabulary::kUnknown; });
}

/// Prompts about what both models know; says how many items are left out, or nothing.
std::string leave_out_unknown(const MeasuredRun& before, const MeasuredRun& after, std::vector<RolePrompt>& prompts) {
  std::set<std::string> unknown, all;
  std::erase_if(prompts, [&](const RolePrompt& prompt) {
    all.insert(prompt.item);
    if (knows(before.model.encoder, prompt.item) && knows(after.model.encoder, prompt.item)) return false;
    unknown.insert(prompt.item);
    return true;
  });
  if (unknown.empty()) return "";
  return fmt::format("{} of {} items of the prompts are no words of one of the models ({}, for example) and are left out.",
                     unknown.size(), all.size(), *unknown.begin());
}

void add_pronouns(const MeasuredRun& before, const MeasuredRun& after, std::vector<RolePrompt> prompts,
                  std::vector<Effect>& effects, std::vector<std::string>& caveats) {
  if (const std::string left_out = leave_out_unknown(before, after, prompts); !left_out.empty()) caveats.push_back(left_out);
  if (prompts.empty()) {
    effects.push_back({.aspect = "fairness", .metric = "pronoun_log_odds", .reason = "no item of the prompts is known to both models",
                       .better = "lower", .unit = "item"});
    return;
  }
  const bool any_held_out = std::ranges::any_of(prompts, [](const RolePrompt& prompt) { return prompt.held_out; });
  for (const bool held_out : {false, true}) {
    if (held_out && !any_held_out) continue;
    std::vector<RolePrompt> chosen;
    for (const RolePrompt& prompt : prompts) {
      if (!held_out || prompt.held_out) chosen.push_back(prompt);
    }
    Effect effect{.aspect = "fairness",
                  .metric = held_out ? "pronoun_log_odds_held_out" : "pronoun_log_odds",
                  .better = "lower",
                  .unit = "item"};
    try {
      const std::vector<std::vector<double>> odds = {by_item(chosen, log_odds_after(before.model, chosen, {"he"}, {"she"})),
                                                     by_item(chosen, log_odds_after(after.model, chosen, {"he"}, {"she"}))};
      estimate(odds[0].size(),
               [&](std::span<const std::uint32_t> items, std::size_t model) {
                 double sum = 0;
                 for (const std::uint32_t item : items) sum += std::abs(odds[model][item]);
                 return std::optional(sum / static_cast<double>(items.size()));
               },
               effect);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
      effect.reason = error.what();
    }
    effects.push_back(effect);
  }
}

/// Each model reads the data as it was trained to; perplexities compare only where both read the same tokens.
void add_perplexity(const MeasuredRun& before, const MeasuredRun& after, const EncodedData& data, const EncodedData& data_before,
                    std::vector<Effect>& effects) {
  Effect effect{.aspect = "utility", .metric = "perplexity", .better = "lower", .unit = "example"};
  if (data.tokens != data_before.tokens || data.offsets != data_before.offsets ||
      table_entries(before.model.encoder) != table_entries(after.model.encoder)) {
    effect.reason = "the two models cut the text into different tokens: a perplexity is of one vocabulary";
    effects.push_back(effect);
    return;
  }
  const Scores of_before = score(*before.model.model, data_before), of_after = score(*after.model.model, data);
  const Scores* scores[] = {&of_before, &of_after};
  estimate(static_cast<std::size_t>(data.size()),
           [&](std::span<const std::uint32_t> examples, std::size_t model) -> std::optional<double> {
             double sum = 0, tokens = 0;
             for (const std::uint32_t i : examples) {
               const auto n = static_cast<double>(data.offsets[i + 1] - data.offsets[i]);
               const double loss = scores[model]->loss[i];
               if (std::isnan(loss)) continue;
               sum += loss * n;
               tokens += n;
             }
             if (tokens == 0) return std::nullopt;
             return std::exp(sum / tokens);
           },
           effect);
  effects.push_back(effect);
}

/// Accuracy, and how far predictions move when roles are reversed: total variation between the two.
void add_classes(const MeasuredRun& before, const MeasuredRun& after, const EncodedData& data, const EncodedData& data_before,
                 std::vector<Effect>& effects) {
  const RunModel* models[] = {&before.model, &after.model};
  const EncodedData* read[] = {&data_before, &data};
  std::vector<std::vector<double>> right(2), gap(2);
  const DistillOptions lists = load_run_distill(after.run);
  for (std::size_t m = 0; m < 2; ++m) {
    const RunModel& model = *models[m];
    const EncodedData& own = *read[m];
    const Scores scores = score(*model.model, own);
    for (std::size_t i = 0; i < scores.intents.size(); ++i) {
      const std::int64_t truth = model.encoder.intents.find(own.examples[i].label);
      right[m].push_back(truth >= 0 && truth == scores.intents[i] ? 1 : 0);
    }
    const RoleReverser reverser(after.model.settings, lists);
    std::vector<text::Example> copies;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < own.examples.size(); ++i) {
      text::Example copy = own.examples[i];
      if (!reverser.reverse(*model.encoder.tokenizer, copy)) continue;
      copies.push_back(std::move(copy));
      places.push_back(i);
    }
    if (copies.empty()) continue;
    const Scores reversed = score(*model.model, encode(model.encoder, std::move(copies)));
    const auto classes = static_cast<std::size_t>(model.encoder.intents.size());
    for (std::size_t k = 0; k < places.size(); ++k) {
      double distance = 0;
      for (std::size_t c = 0; c < classes; ++c) {
        distance += std::abs(scores.intent_probabilities[places[k] * classes + c] - reversed.intent_probabilities[k * classes + c]);
      }
      gap[m].push_back(distance / 2);
    }
  }
  const auto mean = [](const std::vector<std::vector<double>>& values) {
    return [&values](std::span<const std::uint32_t> chosen, std::size_t model) {
      double sum = 0;
      for (const std::uint32_t i : chosen) sum += values[model][i];
      return std::optional(sum / static_cast<double>(chosen.size()));
    };
  };
  Effect fairness{.aspect = "fairness", .metric = "counterfactual_gap", .better = "lower", .unit = "example"};
  if (gap[0].empty() || gap[0].size() != gap[1].size()) {
    fairness.reason = "no text has a word whose role can be reversed";
  } else {
    estimate(gap[0].size(), mean(gap), fairness);
  }
  effects.push_back(fairness);
  Effect utility{.aspect = "utility", .metric = "accuracy", .better = "higher", .unit = "example"};
  estimate(right[0].size(), mean(right), utility);
  effects.push_back(utility);
}

/// AUC of the loss attack on a run's own members and held-out examples; else the reason why there is none.
void attack(const MeasuredRun& measured, core::OperationContext& context, std::optional<double>& auc,
            std::optional<stats::Interval>& ci, std::string& reason) {
  if (measured.run.empty() || !fs::exists(measured.run / "holdout.json")) {
    reason = "the run held no data out (data.hold_out)";
    return;
  }
  const fs::path out = fs::temp_directory_path() / fmt::format("discreet-attack-{}.json", ::getpid());
  core::OperationContext quiet = context;
  quiet.quiet = true;
  const auto membership = core::registry().make<core::Operation>("operation", "membership");
  Json document;
  try {
    document = membership({{"run", measured.run.string()}, {"out", out.string()}}, quiet);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData && error.code() != ErrorCode::kUsage) throw;
    reason = error.what();  // too few texts, for example: the other figures stand
    return;
  }
  fs::remove(out);
  for (const Json& result : document["results"]) {
    if (result.value("attack", "") != "loss" || !result["auc"].is_number()) continue;
    auc = result["auc"].get<double>();
    const Json& interval = result["ci"]["auc"];
    if (interval.is_array()) ci = stats::Interval{interval[0].get<double>(), interval[1].get<double>()};
  }
}

void add_leakage(const MeasuredRun& before, const MeasuredRun& after, core::OperationContext& context,
                 std::vector<Effect>& effects) {
  Effect effect{.aspect = "privacy", .metric = "loss_attack_auc", .better = "neutral", .neutral = 0.5, .unit = "example"};
  attack(before, context, effect.before, effect.before_ci, effect.reason);
  attack(after, context, effect.after, effect.after_ci, effect.reason);
  if (effect.before_ci && effect.after_ci) {
    // Two samples of examples, so the intervals' half widths add up in squares.
    const double d = *effect.after - *effect.before;
    const double half = std::hypot(effect.after_ci->high - effect.after_ci->low, effect.before_ci->high - effect.before_ci->low) / 2;
    effect.difference_ci = stats::Interval{d - half, d + half};
  }
  effects.push_back(effect);
}

}  // namespace

std::vector<RolePrompt> corpus_prompts() {
  std::vector<RolePrompt> prompts;
  for (const char* item : kProfessions) {
    for (const char* form : kTemplates) prompts.push_back({fmt::format(fmt::runtime(form), item), item});
  }
  return prompts;
}

std::vector<RolePrompt> prompts_of(const Json& list) {
  std::vector<RolePrompt> prompts;
  for (const Json& prompt : list) {
    prompts.push_back({prompt.at("text").get<std::string>(), prompt.value("item", prompt.at("text").get<std::string>()),
                       prompt.value("held_out", false)});
  }
  return prompts;
}

std::vector<RolePrompt> read_prompts(const fs::path& file) {
  const std::string text = core::read_file(file);
  Json list = Json::array();
  std::size_t begin = 0, line = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string origin = fmt::format("{}:{}", file.string(), ++line);
    const std::string row = text.substr(begin, end - begin);
    begin = end + 1;
    if (row.find_first_not_of(" \t\r") == std::string::npos) continue;
    list.push_back(core::parse_json(row, origin));
    if (!list.back().is_object() || !list.back().contains("text") || !list.back()["text"].is_string()) {
      throw bad_data(origin + ": no \"text\"", "Write one {\"text\":\"…\",\"item\":\"…\"} a line.");
    }
  }
  if (list.empty()) throw bad_data(file.string() + ": no prompts");
  return prompts_of(list);
}

std::vector<double> log_odds_after(const RunModel& model, const std::vector<RolePrompt>& prompts,
                                   const std::vector<std::string>& first, const std::vector<std::string>& second) {
  if (model.encoder.language.end < 0) throw usage_error("the model predicts no next token", "Take a language model.");
  std::vector<std::vector<std::int64_t>> texts;
  for (const RolePrompt& prompt : prompts) texts.push_back(prompt_ids(model.encoder, prompt.text));
  const auto ids = [&](const std::vector<std::string>& words) {
    std::vector<std::int64_t> found;
    for (const std::string& word : words) found.push_back(word_id(model.encoder, word));
    return found;
  };
  return fairness::next_token_log_odds(*model.model, texts, ids(first), ids(second));
}

std::vector<std::vector<double>> sentence_vectors(const RunModel& model, const std::vector<std::string>& sentences) {
  std::vector<std::vector<std::int64_t>> texts;
  for (const std::string& sentence : sentences) texts.push_back(prompt_ids(model.encoder, sentence));
  constexpr std::int64_t kTokens = 4096;
  const nn::EncodedExamples examples = nn::examples_of(texts);
  const at::NoGradGuard no_grad;
  const nn::LastRowsScope last_rows;  // the fewest logits that a pass gives: none are asked for
  model.model->eval();
  std::vector<std::vector<double>> vectors;
  for (std::int64_t begin = 0, end = 0; begin < examples.size(); begin = end) {
    end = nn::batch_end(examples.offsets, begin, kTokens);
    const nn::HiddenRowsScope hidden;
    model.model->forward(nn::collate(examples, nn::consecutive(begin, end)));
    if (!hidden.rows().defined()) throw usage_error("the model shows no hidden rows", "Take a language model.");
    const at::Tensor all = hidden.rows().to(at::kCPU, at::kDouble);
    for (std::int64_t i = begin; i < end; ++i) {
      const at::Tensor rows = all.narrow(0, examples.offsets[i] - examples.offsets[begin], examples.offsets[i + 1] - examples.offsets[i]);
      const at::Tensor mean = rows.mean(0).contiguous();
      vectors.emplace_back(mean.const_data_ptr<double>(), mean.const_data_ptr<double>() + mean.numel());
    }
  }
  return vectors;
}

std::vector<Effect> role_effects(const MeasuredRun& before, const MeasuredRun& after,
                                 const std::vector<RolePrompt>& prompts, std::vector<std::string>& caveats,
                                 core::OperationContext& context) {
  std::vector<Effect> effects;
  const Settings& settings = after.model.settings;
  const bool language = after.model.encoder.language.end >= 0;
  if (language) add_pronouns(before, after, prompts, effects, caveats);
  const bool has_test = !settings.data.test.empty();
  const std::string& source = has_test ? settings.data.test : settings.data.dev;
  if (!source.empty()) {
    const text::Split split = has_test ? text::Split::kTest : text::Split::kDev;
    const EncodedData data = load_examples(settings, after.model.encoder, source, split);
    const EncodedData data_before = load_examples(settings, before.model.encoder, source, split);
    if (language) {
      add_perplexity(before, after, data, data_before, effects);
    } else {
      add_classes(before, after, data, data_before, effects);
    }
  }
  add_leakage(before, after, context, effects);
  return effects;
}

}  // namespace discreet::app
