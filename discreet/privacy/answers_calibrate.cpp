#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/answers.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/internal/ask_each.h"

namespace discreet::privacy {
namespace {

/// What the question leaves open.
enum class Unknown { kNoise, kRate, kSteps, kScale, kEpsilon, kDelta };

const char* key_of(Unknown unknown) {
  switch (unknown) {
    case Unknown::kNoise:
      return "noise_multiplier";
    case Unknown::kRate:
      return "sampling_rate";
    case Unknown::kSteps:
      return "steps";
    case Unknown::kScale:
      return "noise_scale";
    case Unknown::kEpsilon:
      return "epsilon";
    case Unknown::kDelta:
      return "delta";
  }
  throw internal_error("calibration for an unknown key");
}

Unknown unknown_of(const CalibrationQuestion& q) {
  const int given = (q.noise_multiplier ? 1 : 0) + (q.sampling_rate ? 1 : 0) + (q.steps ? 1 : 0);
  if (!q.phases.empty()) {
    if (given != 0 || !q.epsilon || !q.delta) {
      throw usage_error("calibration of phases needs --epsilon, --delta and the phases alone",
                        "Their noise multipliers are scaled by one factor.");
    }
    return Unknown::kScale;
  }
  if (q.steps && *q.steps == 0) throw usage_error("steps = 0: expected an integer >= 1");
  if (given == 3 && q.epsilon.has_value() != q.delta.has_value()) {
    return q.epsilon ? Unknown::kDelta : Unknown::kEpsilon;
  }
  if (given != 2 || !q.epsilon || !q.delta) {
    throw usage_error(
        "calibration needs --epsilon, --delta and two of noise multiplier, sampling rate and steps",
        "What is left out is solved for: usually --noise-multiplier. With all three, epsilon or "
        "delta is.");
  }
  return !q.noise_multiplier ? Unknown::kNoise : !q.sampling_rate ? Unknown::kRate : Unknown::kSteps;
}

std::vector<Phase> scaled(std::vector<Phase> phases, double factor) {
  for (Phase& phase : phases) phase.noise_multiplier *= factor;
  return phases;
}

void add_cost(Json& row, const Bound& cost, const char* key) {
  row[key] = core::number(cost.value);
  row["kind"] = privacy::name(cost.kind);
  if (cost.order) row["order"] = *cost.order;
}

Json solve(const CalibrationQuestion& q, Unknown unknown, const std::string& name) {
  const auto accountant = make_accountant(name, q.options);
  const double z = q.noise_multiplier.value_or(1), rate = q.sampling_rate.value_or(1);
  const std::int64_t steps = q.steps.value_or(1);
  const Target target{q.epsilon.value_or(0), q.delta.value_or(0), accountant.get()};
  Json row{{"accountant", name}};
  if (unknown == Unknown::kEpsilon || unknown == Unknown::kDelta) {
    const Event event = event_of({{z, rate, steps}});
    const Bound cost = unknown == Unknown::kEpsilon ? accountant->epsilon(event, Delta(*q.delta))
                                                    : accountant->delta(event, Epsilon(*q.epsilon));
    cost.guarantee();
    add_cost(row, cost, key_of(unknown));
    return row;
  }
  Bound cost;
  if (unknown == Unknown::kSteps) {
    const auto found = calibrate_steps(
        target, [&](std::int64_t value) { return event_of({{z, rate, value}}); });
    row[key_of(unknown)] = found.value;
    cost = found.epsilon;
  } else {
    const auto event = [&](double value) {
      if (unknown == Unknown::kScale) return event_of(scaled(q.phases, value));
      if (unknown == Unknown::kNoise) return event_of({{value, rate, steps}});
      return event_of({{z, value, steps}});
    };
    const auto found = unknown == Unknown::kRate ? calibrate_sampling_rate(target, event)
                                                 : calibrate_noise_multiplier(target, event);
    row[key_of(unknown)] = found.value;
    if (unknown == Unknown::kScale) row["phases"] = phases_json(scaled(q.phases, found.value));
    cost = found.epsilon;
  }
  add_cost(row, cost, "epsilon");
  return row;
}

}  // namespace

Json answer_calibrate(const CalibrationQuestion& q) {
  const Unknown unknown = unknown_of(q);
  const Event example = q.phases.empty() ? event_of({{q.noise_multiplier.value_or(1),
                                                      q.sampling_rate.value_or(1),
                                                      q.steps.value_or(1)}})
                                         : event_of(q.phases);
  std::vector<std::string> names;
  const auto guarantees = accountant_names(true);
  for (const auto& name : accountants_asked(q.accountant, example)) {
    const bool upper = std::find(guarantees.begin(), guarantees.end(), name) != guarantees.end();
    if (q.accountant != "all" || upper) names.push_back(name);
  }
  Json given = Json::object();
  if (q.noise_multiplier) given["noise_multiplier"] = *q.noise_multiplier;
  if (q.sampling_rate) given["sampling_rate"] = *q.sampling_rate;
  if (q.steps) given["steps"] = *q.steps;
  if (!q.phases.empty()) given["phases"] = phases_json(q.phases);
  Json results = internal::ask_each(
      names, key_of(unknown), [&](const std::string& name) { return solve(q, unknown, name); });
  return {{"schema", "discreet.privacy.calibrate/1"},
          {"target_epsilon", q.epsilon ? core::number(*q.epsilon) : Json()},
          {"delta", q.delta ? Json(*q.delta) : Json()},
          {"given", std::move(given)},
          {"solved_for", key_of(unknown)},
          {"results", std::move(results)}};
}

}  // namespace discreet::privacy
