#include "discreet/app/federated_analytics.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/release_privacy.h"
#include "discreet/app/run_data.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/text/tokenizer.h"

namespace discreet::app {
namespace {

/// Examples by device, in the order in which devices first appear.
struct Devices {
  std::vector<std::vector<text::Example>> examples;
  core::InputFile input;
};

Devices read_devices(const AnalyticsQuestion& question) {
  const auto reader = open_data(question.input, text::Split::kTrain, question.format, question.reader);
  Devices devices;
  std::map<std::string, std::size_t> places;
  std::vector<text::Example> all;
  const auto tokenizer = text::make_tokenizer("word");
  for (text::Example example; reader->next(example);) {
    if (example.user.empty()) {
      throw bad_data(fmt::format("{}: line {} names no user", question.input, example.line),
                     "Each user is a device: name the column with --user.");
    }
    text::tokenize_example(*tokenizer, example);
    const auto [place, is_new] = places.emplace(example.user, devices.examples.size());
    if (is_new) devices.examples.emplace_back();
    all.push_back(example);
    devices.examples[place->second].push_back(std::move(example));
  }
  if (all.empty()) throw bad_data(question.input + ": there are no examples in it");
  if (std::filesystem::exists(question.input)) {
    devices.input = core::describe_input("input", question.input);
  } else {
    devices.input = {.role = "input", .path = question.input, .bytes = 0, .sha256 = content_sha256(all)};
  }
  return devices;
}

std::vector<std::vector<double>> values_of_devices(const Devices& devices, const std::string& of) {
  std::vector<std::vector<double>> values;
  for (const auto& examples : devices.examples) {
    values.emplace_back();
    if (of == "examples") {
      values.back().push_back(static_cast<double>(examples.size()));
      continue;
    }
    for (const text::Example& example : examples) values.back().push_back(static_cast<double>(example.words.size()));
  }
  return values;
}

/// Each device's words by falling frequency there: the first ones are what it would name.
std::vector<std::vector<std::string>> words_of_devices(const Devices& devices) {
  std::vector<std::vector<std::string>> words;
  for (const auto& examples : devices.examples) {
    std::map<std::string, std::int64_t> counts;
    for (const text::Example& example : examples) {
      for (const std::string& word : example.words) ++counts[word];
    }
    std::vector<std::pair<std::int64_t, std::string>> order;
    for (const auto& [word, count] : counts) order.emplace_back(-count, word);
    std::sort(order.begin(), order.end());
    words.emplace_back();
    for (auto& [count, word] : order) words.back().push_back(std::move(word));
  }
  return words;
}

Json pooled_quantile(const std::vector<std::vector<double>>& devices, double quantile, std::int64_t most) {
  std::vector<double> all;
  for (const auto& values : devices) {
    const auto kept = std::min(values.size(), static_cast<std::size_t>(most));
    all.insert(all.end(), values.begin(), values.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  if (all.empty()) return {};
  std::sort(all.begin(), all.end());
  return all[static_cast<std::size_t>(std::max(1.0, std::ceil(quantile * double(all.size()))) - 1)];
}

privacy::Event times(privacy::Event event, std::int64_t count) {
  return count == 1 ? event : privacy::Event::self_composed(std::move(event), count);
}

/// Under which a ledger is charged.
std::string account_of(const AnalyticsQuestion& question) {
  return fmt::format("federated analytics {} of {}", question.what, question.input);
}

privacy::Event answer_quantiles(const AnalyticsQuestion& question, const Devices& devices,
                                const ReleasePrivacy& privacy, Json& document) {
  const auto values = values_of_devices(devices, question.of);
  federated::QuantileOptions options = question.quantile;
  const bool tree = question.method == "tree";
  const std::int64_t rounds = tree ? 1 : options.depth * static_cast<std::int64_t>(question.quantiles.size());
  options.noise_multiplier = release_multiplier(privacy, account_of(question), [&](double z) {
    return times(privacy::Event::gaussian(privacy::NoiseMultiplier(z)), rounds);
  });
  const auto noise = release_noise(privacy, "analytics");
  std::vector<federated::QuantileAnswer> answers;
  if (tree) {
    const auto release = federated::tree_quantiles(values, question.quantiles, options, *noise);
    answers = release.answers;
    if (release.count) document["count"] = *release.count;
  } else {
    for (std::size_t i = 0; i < question.quantiles.size(); ++i) {
      const auto own = release_noise(privacy, fmt::format("analytics.{}", i));
      answers.push_back(federated::search_quantile(values, question.quantiles[i], options, *own).answers[0]);
    }
  }
  for (const federated::QuantileAnswer& answer : answers) {
    Json result = {{"quantile", answer.quantile}, {"low", answer.low}, {"high", answer.high},
                   {"rank_deviation", answer.rank_deviation}};
    if (answer.value) {
      result["value"] = *answer.value;
    } else {
      core::set_absent(result, "value", "no values, or noise drowns them");
    }
    if (question.compare) result["pooled"] = pooled_quantile(values, answer.quantile, options.most_values);
    document["results"].push_back(result);
  }
  document["noise_multiplier"] = options.noise_multiplier;
  document["rounds"] = rounds;
  if (options.noise_multiplier == 0) return privacy::Event::non_private();
  return times(privacy::Event::gaussian(privacy::NoiseMultiplier(options.noise_multiplier)), rounds);
}

privacy::Event answer_hitters(const AnalyticsQuestion& question, const Devices& devices,
                              const ReleasePrivacy& privacy, Json& document) {
  const auto words = words_of_devices(devices);
  federated::HeavyHitterOptions options = question.hitters;
  options.noise_multiplier = release_multiplier(privacy, account_of(question), [&](double z) {
    const auto one = privacy::Event::gaussian(privacy::NoiseMultiplier(z));
    const auto asked = options.sampling_rate < 1
                           ? privacy::Event::poisson_sampled(privacy::SamplingRate(options.sampling_rate), one)
                           : one;
    return privacy::Event::self_composed(asked, options.longest + 1);
  });
  const auto noise = release_noise(privacy, "analytics");
  core::SecureRng secure;
  core::ReproducibleRng repeatable(static_cast<std::uint64_t>(privacy.insecure_seed.value_or(1)), "asked");
  const bool is_secure = privacy.is_private() && !privacy.insecure_seed;
  const auto found = federated::find_heavy_hitters(
      words, options, *noise, [&] { return is_secure ? secure.uniform() : repeatable.uniform(); });
  std::map<std::string, std::int64_t> pooled;
  if (question.compare) {
    for (const auto& device : words) {
      for (const std::string& word : device) ++pooled[word];
    }
  }
  for (const federated::HeavyHitter& hitter : found.items) {
    Json result = {{"item", hitter.item}, {"devices", hitter.devices}};
    if (question.compare) result["pooled"] = pooled[hitter.item];
    document["results"].push_back(result);
  }
  document["noise_multiplier"] = options.noise_multiplier;
  document["threshold"] = found.threshold;
  document["deviation"] = found.deviation;
  document["rounds"] = found.rounds;
  if (found.truncated > 0) {
    document["caveats"].push_back(fmt::format("{} prefixes passed the threshold and were dropped for want of room "
                                              "(--most-prefixes).", found.truncated));
  }
  if (options.most_items < 1000000) {
    document["caveats"].push_back(fmt::format("Each device names at most {} of its words, the most frequent ones; 'pooled' counts all.",
                                              options.most_items));
  }
  return found.event;
}

}  // namespace

Json analyse_devices(const AnalyticsQuestion& question, core::OperationContext& context) {
  const ReleasePrivacy privacy = release_privacy_from(question.privacy);
  const bool quantiles = question.what == "quantiles";
  const Devices devices = read_devices(question);
  if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
  Json configuration = {{"what", question.what}};
  if (quantiles) {
    configuration.update({{"of", question.of}, {"method", question.method}, {"quantiles", question.quantiles},
                          {"low", question.quantile.low}, {"high", question.quantile.high},
                          {"depth", question.quantile.depth}, {"most_values", question.quantile.most_values}});
  } else {
    configuration.update({{"alphabet", question.hitters.alphabet}, {"longest", question.hitters.longest},
                          {"most_items", question.hitters.most_items}, {"threshold", question.hitters.threshold},
                          {"most_prefixes", question.hitters.most_prefixes},
                          {"sampling_rate", question.hitters.sampling_rate}});
  }
  Json document = core::make_document({.schema = "discreet.federated.analytics/1",
                                       .configuration = configuration,
                                       .inputs = {devices.input}});
  document["n"] = devices.examples.size();
  const privacy::Event event = quantiles ? answer_quantiles(question, devices, privacy, document)
                                         : answer_hitters(question, devices, privacy, document);
  state_release(privacy, event, quantiles ? "What is said of the quantiles" : "The list of words with its counts", document);
  document["caveats"].push_back("n, the number of devices, is exact and not private.");
  if (question.compare) document["caveats"].push_back("'pooled' is the plain answer on all data: for simulations, not private.");
  return document;
}

}  // namespace discreet::app
