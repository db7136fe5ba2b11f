#include "discreet/app/federated_selection.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/privacy/accountant.h"
#include "discreet/stats/divergence.h"

namespace discreet::app {
namespace {

constexpr std::int64_t kSignal = 64;  // numbers of a gradient's sketch

std::vector<double> zipf_sizes(std::int64_t clients, std::int64_t examples, double exponent) {
  std::vector<double> sizes;
  double sum = 0;
  for (std::int64_t rank = 1; rank <= clients; ++rank) sum += sizes.emplace_back(std::pow(double(rank), -exponent));
  for (double& size : sizes) size = std::max(1.0, std::round(size * double(examples) / sum));
  return sizes;
}

std::vector<double> sizes_of_users(const SelectionQuestion& question, core::OperationContext& context) {
  const auto reader = open_data(question.input, text::Split::kTrain, question.format, question.reader);
  std::map<std::string, double> counts;
  for (text::Example example; reader->next(example);) {
    if (example.user.empty()) {
      throw bad_data(fmt::format("{}: line {} names no user", question.input, example.line), "Each user is a device: name the column with --user.");
    }
    counts[example.user] += 1;
    if (context.stopping()) throw core::interrupted(context, "Nothing was written.");
  }
  std::vector<double> sizes;
  for (const auto& [user, count] : counts) sizes.push_back(count);
  if (sizes.empty()) throw bad_data(question.input + ": there are no examples in it");
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  return sizes;
}

Json cost_json(const federated::SelectionCost& cost, std::int64_t values) {
  return {{"bytes_down", cost.models_down * double(values) * sizeof(float)}, {"bytes_up", cost.numbers_up * sizeof(float)},
          {"examples_read", cost.examples_read}, {"gradients", cost.gradients}};
}

/// A round with signals that nobody has seen: for what it costs. Strategies that want gradients get zeros.
federated::Selection trial_round(const std::string& strategy, const std::vector<double>& sizes, const SelectionQuestion& question) {
  const std::vector<double> unknown(sizes.size(), std::nan(""));
  const bool compares = strategy == "divfl";
  const std::vector<float> gradients(compares ? sizes.size() * static_cast<std::size_t>(kSignal) : 0, 0.0F);
  return federated::select_clients(strategy,
                                   {.activity = sizes, .loss = unknown, .root_mean_square_loss = unknown, .update_norm = unknown,
                                    .seconds = {}, .gradients = gradients, .gradient_size = compares ? kSignal : 0, .round = 1},
                                   question.options, static_cast<std::uint64_t>(question.seed));
}

void put_inclusion(const federated::Selection& selection, bool reads_models, const std::vector<double>& sizes, Json& result) {
  const auto& chances = selection.inclusion.probability;
  if (chances.empty() || reads_models) {
    core::set_absent(result, "inclusion", "who is selected depends on models and earlier rounds: nobody knows the chances");
    return;
  }
  std::vector<double> sorted = chances;
  std::sort(sorted.begin(), sorted.end());
  double examples = 0;
  for (std::size_t k = 0; k < chances.size(); ++k) examples += chances[k] * sizes[k];
  result["inclusion"] = {{"method", selection.inclusion.method},
                         {"relative_error", selection.inclusion.error},
                         {"least", sorted.front()},
                         {"median", sorted[sorted.size() / 2]},
                         {"largest", sorted.back()},
                         {"gini", stats::gini(chances)},
                         {"sum", std::accumulate(chances.begin(), chances.end(), 0.0)}};
  result["expected_examples"] = examples;
}

/// What may be claimed: a rate with its epsilon, rate 1, or why nothing can be stated.
Json privacy_of(const std::string& strategy, const std::vector<double>& sizes, const SelectionQuestion& question) {
  try {
    const auto claim = federated::selection_privacy(strategy, {.activity = sizes, .round = 1}, question.options);
    using Kind = federated::SelectionPrivacy::Kind;
    const bool poisson = claim.kind == Kind::kPoisson;
    Json privacy = {{"sampling_rate", claim.sampling_rate},
                    {"sensitivity", claim.sensitivity},
                    {"relation", poisson ? "add_or_remove_one" : "add_or_remove_one, replace_one"},
                    {"reason", claim.reason}};
    const auto accountant = privacy::make_accountant("prv");
    const auto event = privacy::event_of({{question.noise_multiplier / claim.sensitivity, claim.sampling_rate, question.rounds}});
    privacy["epsilon"] = core::number(accountant->epsilon(event, privacy::Delta(question.delta)).guarantee());
    return privacy;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kPrivacyRefused) throw;
    Json privacy = {{"reason", error.what()}};
    core::set_absent(privacy, "epsilon", "refused");
    return privacy;
  }
}

}  // namespace

Json explain_selection(const SelectionQuestion& question, core::OperationContext& context) {
  const bool from_data = !question.input.empty();
  const std::vector<double> sizes = from_data ? sizes_of_users(question, context) : zipf_sizes(question.clients, question.examples, question.zipf);
  Json configuration = {{"selection", federated::selection_fields().dump(question.options)}, {"values", question.values},
                        {"rounds", question.rounds}, {"noise_multiplier", question.noise_multiplier}, {"delta", question.delta}};
  if (from_data) {
    configuration["input"] = question.input;
  } else {
    configuration.update({{"clients", question.clients}, {"examples", question.examples}, {"zipf", question.zipf}});
  }
  Json document = core::make_document({.schema = "discreet.federated.selection/1", .configuration = configuration, .inputs = {}});
  document["clients"] = sizes.size();
  document["examples"] = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  document["size_gini"] = stats::gini(sizes);
  for (const core::Entry* entry : core::registry().list("selection")) {
    Json result = {{"selection", entry->name}, {"summary", entry->summary}};
    try {
      const auto selection = trial_round(entry->name, sizes, question);
      const bool reads_models = std::any_cast<federated::SelectionRule>(&entry->make)->reads_models;
      put_inclusion(selection, reads_models, sizes, result);
      result["cost"] = cost_json(selection.cost, question.values);
      if (!selection.notes.empty()) result["notes"] = selection.notes;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUsage) throw;
      core::set_absent(result, "inclusion", error.what());  // an option that only this strategy needs
      core::set_absent(result, "cost", error.what());
    }
    result["privacy"] = privacy_of(entry->name, sizes, question);
    document["results"].push_back(std::move(result));
  }
  document["caveats"] = {"Costs are of one round and beyond training itself: models sent to ask, numbers returned, examples read without and with gradients. "
                         "Losses and norms that come with updates anyhow cost nothing.",
                         "Epsilon: of so many rounds under Poisson sampling with the public rate, or without amplification; the noise is "
                         "noise_multiplier clip norms, and where a device takes the place of others, the sum moves by more than one clip norm (sensitivity)."};
  return document;
}

}  // namespace discreet::app
