#include "discreet/federated/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "discreet/core/registry.h"

namespace discreet::federated {
namespace {

bool is_poisson(const SelectionOptions& options) {
  return options.design == "poisson" || options.design == "poisson-waterfill";
}

std::size_t eligible_count(const SelectionInput& input) {
  return static_cast<std::size_t>(std::count_if(input.activity.begin(), input.activity.end(),
                                                [](double n) { return n > 0; }));
}

std::vector<double> poisson_rates_of(const std::string& strategy, const SelectionInput& input,
                                     const SelectionOptions& options) {
  if (options.public_rate > 0) return public_rates(input.activity, options);
  const auto p = selection_probabilities(strategy, input, options);
  return options.design == "poisson" ? poisson_rates(p, options.cohort)
                                     : waterfill_rates(p, options.cohort);
}

}  // namespace

const SelectionRule& selection_rule(const std::string& strategy) {
  return *std::any_cast<SelectionRule>(&core::registry().find("selection", strategy).make);
}

const core::Fields<SelectionOptions>& selection_fields() {
  static const auto fields =
      core::Fields<SelectionOptions>("selection")
          .add("cohort", &SelectionOptions::cohort,
               {.min = 1, .max = 1e9, .unit = "clients", .doc = "Clients of a round; expected ones where their number is random."})
          .add("design", &SelectionOptions::design,
               {.choices = {"successive", "with-replacement", "poisson", "poisson-waterfill"},
                .doc = "How a cohort is drawn from the weights."})
          .add("gamma", &SelectionOptions::gamma,
               {.min = 0, .max = 10, .doc = "tempered: weights n^gamma; 0 is uniform, 1 activity."})
          .add("temperature", &SelectionOptions::temperature,
               {.min = 0, .unit = "examples", .doc = "softmax: weights exp(n / temperature)."})
          .add("least", &SelectionOptions::least,
               {.min = 1, .max = 1e12, .unit = "examples", .doc = "threshold: fewest examples of a device that may be selected."})
          .add("top_share", &SelectionOptions::top_share,
               {.min = 0, .max = 1, .doc = "threshold: the most active share of devices, instead of `least`."})
          .add("uniform_share", &SelectionOptions::uniform_share,
               {.min = 0, .max = 1, .doc = "mixture: share of the uniform distribution."})
          .add("signals", &SelectionOptions::signals,
               {.choices = {"fresh", "last-seen"},
                .doc = "divfl and update-norm: gradients that every device makes in every round, or those that a "
                       "device made when it last was in a cohort, which costs no more than the cohort's own."})
          .add("candidates", &SelectionOptions::candidates,
               {.min = 0, .max = 1e9, .doc = "power-of-choice: devices asked for their loss; 0: three times the cohort."})
          .add("exploration", &SelectionOptions::exploration,
               {.min = 0, .max = 1, .doc = "oort: share of the first cohort that was never selected before."})
          .add("exploration_decay", &SelectionOptions::exploration_decay,
               {.min = 0, .max = 1, .doc = "oort: factor of that share, each round."})
          .add("least_exploration", &SelectionOptions::least_exploration,
               {.min = 0, .max = 1, .doc = "oort: where that share stops falling."})
          .add("preferred_seconds", &SelectionOptions::preferred_seconds,
               {.min = 0, .unit = "seconds", .doc = "oort: slower devices are worth less; 0: speed plays no part."})
          .add("slowness_penalty", &SelectionOptions::slowness_penalty,
               {.min = 0, .doc = "oort: power of preferred_seconds / seconds."})
          .add("public_rate", &SelectionOptions::public_rate,
               {.min = 0, .max = 1, .doc = "Poisson under privacy: chance of selection per example, fixed before the run."})
          .add("activity_cap", &SelectionOptions::activity_cap,
               {.min = 0, .max = 1e12, .unit = "examples", .doc = "Poisson under privacy: examples beyond this do not raise the chance."});
  return fields;
}

std::vector<double> selection_probabilities(const std::string& strategy,
                                            const SelectionInput& input,
                                            const SelectionOptions& options) {
  const SelectionRule& rule = selection_rule(strategy);
  if (rule.weights == nullptr) {
    throw usage_error(fmt::format("selection '{}' chooses by itself, it has no probabilities", strategy));
  }
  for (const double n : input.activity) {
    if (!(n >= 0) || std::isinf(n)) throw usage_error(fmt::format("an activity of {}", n));
  }
  std::vector<double> p = rule.weights(input, options);
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (input.activity[k] <= 0) p[k] = 0;  // who has nothing is never asked
    sum += p[k];
  }
  if (sum > 0) {
    for (double& share : p) share /= sum;
  }
  return p;
}

std::vector<double> public_rates(std::span<const double> activity,
                                 const SelectionOptions& options) {
  std::vector<double> rates;
  for (const double n : activity) {
    const double counted = std::min(n, static_cast<double>(options.activity_cap));
    rates.push_back(std::min(1.0, options.public_rate * counted));
  }
  return rates;
}

SelectionCost cost_of_signals(const SelectionInput& input, const SelectionOptions& options,
                              std::span<const std::int64_t> clients, std::int64_t numbers) {
  SelectionCost cost;
  if (options.signals == "fresh") {
    const auto all = static_cast<double>(input.activity.size());
    cost.models_down = all;
    cost.numbers_up = all * static_cast<double>(numbers);
    cost.gradients = std::accumulate(input.activity.begin(), input.activity.end(), 0.0);
  } else {
    const std::set<std::int64_t> told(clients.begin(), clients.end());  // once, however often it was drawn
    cost.numbers_up = static_cast<double>(told.size()) * static_cast<double>(numbers);
    for (const std::int64_t k : told) cost.gradients += input.activity[static_cast<std::size_t>(k)];
  }
  return cost;
}

namespace {

/// Clients, inclusion and expected cohort of a strategy with weights, by the design.
void draw_by_weights(const std::string& strategy, const SelectionInput& input, const SelectionOptions& options,
                     const Uniform& uniform, Selection& selection) {
  if (is_poisson(options)) {
    const auto rates = poisson_rates_of(strategy, input, options);
    selection.clients = draw_poisson(rates, uniform);
    selection.expected_cohort = std::accumulate(rates.begin(), rates.end(), 0.0);
    selection.inclusion = {rates, "exact", 0};
    return;
  }
  const auto p = selection_probabilities(strategy, input, options);
  if (options.design == "with-replacement") {
    selection.clients = draw_with_replacement(p, options.cohort, uniform);
    if (input.want_inclusion) selection.inclusion = with_replacement_inclusion(p, options.cohort);
    return;
  }
  const auto drawable = static_cast<std::int64_t>(
      std::count_if(p.begin(), p.end(), [](double share) { return share > 0; }));
  if (drawable < options.cohort) {
    selection.notes.push_back(fmt::format(
        "{} devices can be selected, fewer than the cohort of {}: all of them are.", drawable,
        options.cohort));
    selection.expected_cohort = static_cast<double>(drawable);
  }
  selection.clients = draw_successive(p, options.cohort, uniform);
  if (input.want_inclusion) selection.inclusion = successive_inclusion(p, options.cohort);
}

}  // namespace

Selection select_clients(const std::string& strategy, const SelectionInput& input,
                         const SelectionOptions& options, std::uint64_t seed) {
  const SelectionRule& rule = selection_rule(strategy);
  core::ReproducibleRng rng(seed, fmt::format("selection.{}", input.round));
  const Uniform uniform = [&rng] { return rng.uniform(); };
  const std::size_t eligible = eligible_count(input);
  Selection selection;
  if (eligible < input.activity.size()) {
    selection.notes.push_back(fmt::format("{} of {} devices hold no examples and are never selected.",
                                          input.activity.size() - eligible, input.activity.size()));
  }
  selection.expected_cohort = static_cast<double>(options.cohort);
  if (rule.choose != nullptr) {
    selection.clients = rule.choose(input, options, rng, selection.cost);
    std::sort(selection.clients.begin(), selection.clients.end());
    selection.inclusion.method = "unknown";
    return selection;
  }
  draw_by_weights(strategy, input, options, uniform, selection);
  if (rule.reads_models) selection.cost = cost_of_signals(input, options, selection.clients, 1);  // the norm
  return selection;
}

SelectionPrivacy selection_privacy(const std::string& strategy, const SelectionInput& input,
                                   const SelectionOptions& options) {
  const SelectionRule& rule = selection_rule(strategy);
  if (rule.reads_models) {
    throw privacy_refused(
        fmt::format("selection '{}' reads losses, norms or gradients of devices, and who is selected "
                    "tells something of them",
                    strategy),
        "Take a selection by size, or no privacy mechanism.");
  }
  SelectionPrivacy privacy;
  if (is_poisson(options) && options.public_rate > 0) {
    if (options.activity_cap < 1) {
      throw privacy_refused("selection.public_rate without selection.activity_cap: a device with many "
                            "examples would have no bound on its rate",
                            "Fix selection.activity_cap before the run.");
    }
    privacy.kind = SelectionPrivacy::Kind::kPoisson;
    privacy.sampling_rate =
        std::min(1.0, options.public_rate * static_cast<double>(options.activity_cap));
    privacy.device_rate = public_rates(input.activity, options);
    privacy.reason = fmt::format(
        "each device is drawn by itself with a rate of {:g} per example, of at most {} examples: at "
        "most {:g}, whoever else is there",
        options.public_rate, options.activity_cap, privacy.sampling_rate);
    return privacy;
  }
  if (is_poisson(options)) {
    throw privacy_refused(
        "Poisson selection whose rates are a share of the cohort: each device's rate depends on the "
        "data and number of all others, so no bound on it holds for neighbouring data sets",
        "Set selection.public_rate and selection.activity_cap, fixed before the run.");
  }
  // Successive sampling is a race of clocks, each of a device's own rate: who is added, or replaced, takes the
  // place of one other at most. Draws with replacement go by shares of all, and any of them may change.
  const bool displaces_one = options.design == "successive" && (rule.compares == nullptr || !rule.compares(options));
  if (options.design == "successive" && strategy == "uniform") privacy.kind = SelectionPrivacy::Kind::kFixedSize;
  privacy.sensitivity = displaces_one ? 2 : 2 * static_cast<double>(options.cohort);
  privacy.reason = fmt::format(
      "selection '{}' with design {}: no amplification, and one device more, less or other {}: the sum moves by up to "
      "{:g} clip norms",
      strategy, options.design,
      displaces_one ? "changes one place of the cohort" : "may change every place of the cohort", privacy.sensitivity);
  return privacy;
}

std::vector<double> aggregation_weights(AggregationWeights kind, const AggregationInput& input) {
  const std::size_t n = input.examples.size();
  const bool by_inclusion =
      kind == AggregationWeights::kHorvitzThompson || kind == AggregationWeights::kHajek;
  if (by_inclusion) {
    if (input.inclusion.size() != n) {
      throw usage_error("these aggregation weights need inclusion probabilities, which are unknown",
                        "Take weights examples or uniform, or a selection with known probabilities.");
    }
    for (const double pi : input.inclusion) {
      if (pi > 0 && pi <= 1) continue;
      throw usage_error(fmt::format("an inclusion probability of {}", pi),
                        "Every device that reports must have a known chance above 0.");
    }
  }
  std::vector<double> weights(n, 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    switch (kind) {
      case AggregationWeights::kExamples: weights[i] = input.examples[i]; break;
      case AggregationWeights::kUniform:
      case AggregationWeights::kFixed: weights[i] = 1; break;
      case AggregationWeights::kHorvitzThompson:
      case AggregationWeights::kHajek: weights[i] = input.examples[i] / input.inclusion[i]; break;
    }
    sum += weights[i];
  }
  if (kind == AggregationWeights::kHorvitzThompson) sum = input.all_examples;
  if (kind == AggregationWeights::kFixed) sum = input.expected_cohort;
  if (n > 0 && !(sum > 0)) throw bad_data("the clients that reported hold no examples");
  for (double& weight : weights) weight /= sum;
  return weights;
}

}  // namespace discreet::federated
