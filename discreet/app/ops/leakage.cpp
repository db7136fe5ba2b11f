#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_set>

#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/app/ops/internal/shadow_signals.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/step.h"
#include "discreet/nn/token_batches.h"
#include "discreet/stats/attack.h"
#include "discreet/stats/blind_baseline.h"
#include "discreet/stats/roc.h"
#include "discreet/stats/shadow_design.h"
#include "discreet/text/unicode.h"

namespace discreet {
namespace app {
namespace {

const std::vector<std::string>& leakage_attacks() {
  static const std::vector<std::string> names = {"lira-online", "lira-offline", "rmia-offline", "loss"};
  return names;
}

/// What is trained on and attacked: ordinary texts, then canaries, whose label is wrong.
struct LeakagePool {
  TrainingPool training;
  std::int64_t canaries = 0;  ///< The last ones of the pool.
  EncodedData test;
};

/// Texts once each, in an order drawn by `seed`.
std::vector<std::int64_t> distinct_texts(const EncodedData& data, std::uint64_t seed) {
  std::vector<std::int64_t> places;
  std::unordered_set<std::string> seen;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    std::string joined;
    for (const std::string& word : data.examples[i].words) joined += word + " ";
    if (seen.insert(text::lowercase(joined)).second) places.push_back(i);
  }
  core::ReproducibleRng rng(seed, "leakage pool");
  core::shuffle(std::span<std::int64_t>(places), rng);
  return places;
}

LeakagePool leakage_pool(const Settings& settings, std::int64_t texts, std::int64_t canaries, std::uint64_t seed) {
  RunData data = load_run_data(settings);
  if (data.encoder.intents.size() < 2) throw usage_error("a wrong label needs two labels or more");
  std::vector<std::int64_t> places = distinct_texts(data.train, seed);
  if (static_cast<std::int64_t>(places.size()) < texts + canaries) {
    throw bad_data(fmt::format("{} different texts, expected {}", places.size(), texts + canaries),
                   "Take fewer texts or canaries, or more data.");
  }
  places.resize(static_cast<std::size_t>(texts + canaries));
  LeakagePool pool{{settings, data.encoder, select(data.train, places), data.dev}, canaries, data.test};
  core::ReproducibleRng rng(seed, "leakage labels");
  const auto labels = static_cast<std::uint64_t>(data.encoder.intents.size());
  for (std::int64_t i = texts; i < texts + canaries; ++i) {
    std::int64_t& label = pool.training.pool.intents[static_cast<std::size_t>(i)];
    label = static_cast<std::int64_t>((static_cast<std::uint64_t>(label) + 1 + rng.below(labels - 1)) % labels);
    pool.training.pool.examples[static_cast<std::size_t>(i)].label = data.encoder.intents.name(label);
  }
  return pool;
}

/// Right answers over the test data, whole and in parts: by label, and by length below and from the median.
Json accuracies(const Encoder& encoder, const EncodedData& test, const Scores& scores) {
  std::vector<std::int64_t> lengths = nn::lengths_of(test.offsets);
  std::nth_element(lengths.begin(), lengths.begin() + test.size() / 2, lengths.end());
  const std::int64_t median = lengths[static_cast<std::size_t>(test.size() / 2)];
  struct Count {
    double right = 0, all = 0;
  };
  Count whole;
  std::map<std::string, Count> by_label, by_length;
  std::map<std::string, std::map<std::string, Count>> by_group;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    const auto place = static_cast<std::size_t>(i);
    const double right = test.intents[place] == scores.intents[place] ? 1 : 0;
    const bool is_short = test.offsets[i + 1] - test.offsets[i] < median;
    std::vector<Count*> counts = {&whole, &by_label[test.examples[place].label], &by_length[is_short ? "short" : "long"]};
    for (const auto& [group, value] : test.examples[place].groups) {
      if (!value.empty()) counts.push_back(&by_group[group][value]);
    }
    for (Count* count : counts) {
      count->right += right;
      ++count->all;
    }
  }
  const auto gap = [](const std::map<std::string, Count>& parts) {
    double least = 1, most = 0;
    for (const auto& [name, count] : parts) {
      least = std::min(least, count.right / count.all);
      most = std::max(most, count.right / count.all);
    }
    return parts.empty() ? Json() : Json(most - least);
  };
  Json groups = Json::object();
  for (const auto& [group, parts] : by_group) groups[group] = gap(parts);
  return {{"accuracy", whole.right / whole.all},
          {"gap_by_label", gap(by_label)},
          {"gap_by_length", gap(by_length)},
          {"gap_by_group", groups}};
}

stats::AttackData attack_data(const std::vector<ModelSignals>& shadows,
                              const std::vector<std::vector<std::uint8_t>>& in, const ModelSignals& target,
                              const EncodedData& pool, std::size_t classes) {
  stats::AttackData data;
  data.examples = static_cast<std::size_t>(pool.size());
  data.models = shadows.size();
  const auto answer = [&](const ModelSignals& signals, std::size_t i, double& log_prob, double& signal) {
    if (signals.logits.empty()) {
      log_prob = -signals.loss[i];
      signal = stats::logit_of_log_prob(std::min(0.0, log_prob));
      return;
    }
    std::vector<double> logits(signals.logits.begin() + static_cast<std::ptrdiff_t>(i * classes),
                               signals.logits.begin() + static_cast<std::ptrdiff_t>((i + 1) * classes));
    signal = stats::label_logit(logits, static_cast<std::size_t>(pool.intents[i]));
    log_prob = signal > 0 ? -std::log1p(std::exp(-signal)) : signal - std::log1p(std::exp(signal));
  };
  data.log_prob.resize(data.examples);
  data.signal.resize(data.examples);
  data.shadow_log_prob.resize(data.examples * data.models);
  data.shadow_signal.resize(data.examples * data.models);
  for (std::size_t i = 0; i < data.examples; ++i) {
    answer(target, i, data.log_prob[i], data.signal[i]);
    for (std::size_t m = 0; m < data.models; ++m) {
      const std::size_t at = i * data.models + m;
      answer(shadows[m], i, data.shadow_log_prob[at], data.shadow_signal[at]);
      data.in.push_back(in[m][i]);
    }
  }
  return data;
}

/// Six digits: the scores of an example, not its model, end up in a file.
Json rounded(const std::vector<double>& values, std::size_t first) {
  Json list = Json::array();
  for (std::size_t i = first; i < values.size(); ++i) {
    list.push_back(std::isfinite(values[i]) ? Json(std::stod(fmt::format("{:.6g}", values[i]))) : core::number(values[i]));
  }
  return list;
}

/// The pool's models: shadow models first, then targets, each on a random half; or targets alone.
std::vector<PoolModel> pool_models(std::int64_t examples, std::int64_t shadows, std::int64_t targets, std::uint64_t seed) {
  std::vector<PoolModel> models;
  for (std::int64_t k = 0; k < shadows + targets; ++k) {
    // A target is the first of a pair of its own, so that no other model has its complement.
    const std::int64_t number = k < shadows ? k : 2 * k + 1000000;
    core::ReproducibleRng rng(seed, fmt::format("leakage model {}", number));
    models.push_back({stats::shadow_half(examples, static_cast<std::uint64_t>(number), seed),
                      static_cast<std::int64_t>(rng() >> 2)});
  }
  return models;
}

double blind_auc_scores(const LeakagePool& pool, const std::vector<std::uint8_t>& in, std::vector<double>& scores) {
  const EncodedData& data = pool.training.pool;
  const auto first = static_cast<std::size_t>(data.size() - pool.canaries);
  std::vector<stats::FeatureBag> members, others;
  for (std::size_t i = first; i < in.size(); ++i) {
    std::vector<std::string> words = data.examples[i].words;
    words.push_back("label=" + data.examples[i].label);
    (in[i] != 0 ? members : others).push_back(stats::text_features(words));
  }
  const stats::BlindScores blind = stats::blind_scores(members, others);
  scores.assign(in.size(), 0);
  std::size_t member = 0, other = 0;
  for (std::size_t i = first; i < in.size(); ++i) scores[i] = in[i] != 0 ? blind.first[member++] : blind.second[other++];
  return stats::delong(blind.first, blind.second).auc;
}

/// AUC over the ordinary texts of the pool.
double ordinary_auc(const LeakagePool& pool, const std::vector<std::uint8_t>& in, const std::vector<double>& scores) {
  std::vector<double> members, others;
  const auto last = static_cast<std::size_t>(pool.training.pool.size() - pool.canaries);
  for (std::size_t i = 0; i < last; ++i) {
    if (!std::isnan(scores[i])) (in[i] != 0 ? members : others).push_back(scores[i]);
  }
  return stats::delong(members, others).auc;
}

/// What the configuration promises for a half of the pool.
Json promise(const TrainingPool& pool, const PoolModel& model) {
  if (!pool.settings.privacy.is_private()) return {{"epsilon", core::number(HUGE_VAL)}};
  Session session{.settings = pool.settings,
                  .parallel = std::make_shared<nn::ParallelRun>(),
                  .run = core::RunDir::kept_elsewhere("leakage")};
  session.settings.privacy.insecure_seed = model.seed;
  session.data.encoder = pool.encoder;
  session.data.train = select(pool.pool, model.examples);
  core::OperationContext quiet;
  quiet.quiet = true;
  prepare(session, false, quiet);
  const double epsilon = session.step->epsilon(session.steps).value_or(HUGE_VAL);
  Json json = {{"epsilon", core::number(epsilon)}, {"steps", session.steps}};
  if (const auto published = session.step->epsilon_as_published(session.steps)) {
    json["epsilon_as_published"] = core::number(*published);
  }
  return json;
}

/// Request: set (the configuration); texts and canaries of the pool, shadows, targets, seed. Targets and shadow
/// models are trained on random halves of the pool; every target is attacked with the shadow models.
Json leakage(const Json& request, core::OperationContext& context) {
  core::Config config;
  for (const std::string& assignment : request.at("set").get<std::vector<std::string>>()) config.add_assignment(assignment);
  Settings settings = parse_settings(config);
  settings.data.hold_out = 0;
  const auto seed = request.value("seed", std::uint64_t{1});
  const auto shadows = request.value("shadows", std::int64_t{16}), targets = request.value("targets", std::int64_t{1});
  const LeakagePool pool = leakage_pool(settings, request.value("texts", std::int64_t{4000}),
                                        request.value("canaries", std::int64_t{500}), seed);
  if (pool.test.size() == 0) throw usage_error("data.test is not set: accuracy is told on it");
  const TrainingPool& training = pool.training;
  const std::vector<PoolModel> models = pool_models(training.pool.size(), shadows, targets, seed);
  std::vector<std::vector<std::uint8_t>> in;
  for (const PoolModel& model : models) {
    in.emplace_back(static_cast<std::size_t>(training.pool.size()), std::uint8_t{0});
    for (const std::int64_t place : model.examples) in.back()[static_cast<std::size_t>(place)] = 1;
  }
  const SignalForm form = signal_form(training.encoder, training.pool.size());
  std::vector<ModelSignals> signals(models.size());
  Json seeds = Json::array();
  for (std::int64_t t = 0; t < targets; ++t) seeds.push_back(Json::object());
  const auto started = std::chrono::steady_clock::now();
  train_on_parts(training, models, true, context, [&](std::size_t k, nn::Model& model) {
    signals[k] = signals_of(model, training.pool, form);
    if (static_cast<std::int64_t>(k) < shadows) return;
    seeds[k - static_cast<std::size_t>(shadows)] = accuracies(training.encoder, pool.test, score(model, pool.test));
  });
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;

  const std::vector<ModelSignals> shadow_answers(signals.begin(), signals.begin() + shadows);
  const auto first = static_cast<std::size_t>(training.pool.size() - pool.canaries);
  core::Config options;
  for (const char* attack : {"lira-online", "lira-offline"}) options.add_assignment(std::string(attack) + ".variance=fixed");
  for (std::int64_t t = 0; t < targets; ++t) {
    const auto k = static_cast<std::size_t>(shadows + t);
    Json& one = seeds[static_cast<std::size_t>(t)];
    if (pool.canaries == 0 || shadows == 0) continue;
    one["in"] = std::vector<int>(in[k].begin() + static_cast<std::ptrdiff_t>(first), in[k].end());
    const stats::AttackData data =
        attack_data(shadow_answers, in, signals[k], training.pool, static_cast<std::size_t>(training.encoder.intents.size()));
    for (const std::string& attack : leakage_attacks()) {
      const auto rule = core::registry().make<stats::AttackRule>("attack", attack);
      const std::vector<double> scores = rule.run(data, options).score;
      one["scores"][attack] = rounded(scores, first);
      one["ordinary_auc"][attack] = ordinary_auc(pool, in[k], scores);
    }
    std::vector<double> blind;
    one["blind_auc"] = blind_auc_scores(pool, in[k], blind);
    one["scores"]["blind"] = rounded(blind, first);
  }
  Json result = {{"seeds", seeds},
                 {"models", models.size()},
                 {"examples_each", models.front().examples.size()},
                 {"seconds", seconds.count()},
                 {"stacked", not_stacked(training).empty()}};
  result.update(promise(training, models.front()));
  return result;
}

}  // namespace
}  // namespace app

void register_operation_leakage(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "leakage",
                .summary = "Trains targets and shadow models with mislabelled canaries on halves of a pool, and attacks the targets",
                .reference = "Carlini et al. 2022; Aerni, Zhang and Tramer 2024",
                .make = core::Operation(&app::leakage)});
}

}  // namespace discreet
