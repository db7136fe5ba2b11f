#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<std::int64_t> choose_by_power(const SelectionInput& input,
                                       const SelectionOptions& options,
                                       core::ReproducibleRng& rng, SelectionCost& cost) {
  if (input.loss.size() != input.activity.size()) {
    throw usage_error("selection power-of-choice needs the loss of every device");
  }
  const std::int64_t asked = options.candidates > 0 ? options.candidates : 3 * options.cohort;
  if (asked < options.cohort) {
    throw usage_error("selection power-of-choice asks fewer devices than the cohort",
                      "Raise selection.candidates, or leave it out.");
  }
  auto drawn = draw_successive(input.activity, asked, [&rng] { return rng.uniform(); });
  for (const std::int64_t k : drawn) cost.examples_read += input.activity[static_cast<std::size_t>(k)];
  cost.models_down = static_cast<double>(drawn.size());
  cost.numbers_up = static_cast<double>(drawn.size());
  // An unknown loss counts as infinite: who was never asked is asked first.
  const auto loss = [&](std::int64_t k) {
    const double value = input.loss[static_cast<std::size_t>(k)];
    return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
  };
  std::stable_sort(drawn.begin(), drawn.end(),
                   [&](std::int64_t a, std::int64_t b) { return loss(a) > loss(b); });
  if (static_cast<std::int64_t>(drawn.size()) > options.cohort) {
    drawn.resize(static_cast<std::size_t>(options.cohort));
  }
  return drawn;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_power_of_choice(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "power-of-choice",
                .summary = "Asks more devices than needed for their loss, keeps those with the highest",
                .reference = "Cho, Wang and Joshi 2020",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.choose = federated::choose_by_power, .reads_models = true}});
}

}  // namespace discreet
