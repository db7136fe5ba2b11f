#include "discreet/app/before_after.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::app {
namespace {

Json as_json(const stats::Interval& interval) {
  return {core::number(interval.low), core::number(interval.high)};
}

/// Least and greatest distance from the neutral value within an interval.
stats::Interval distances(const stats::Interval& interval, double neutral) {
  const double low = std::abs(interval.low - neutral), high = std::abs(interval.high - neutral);
  return {interval.contains(neutral) ? 0 : std::min(low, high), std::max(low, high)};
}

std::string verdict_on(const Effect& effect) {
  if (!effect.before || !effect.after) return "no interval";
  if (effect.better == "neutral") {
    if (!effect.before_ci || !effect.after_ci) return "no interval";
    const stats::Interval before = distances(*effect.before_ci, effect.neutral);
    const stats::Interval after = distances(*effect.after_ci, effect.neutral);
    if (after.high < before.low) return "better";
    return after.low > before.high ? "worse" : "no change shown";
  }
  if (!effect.difference_ci) return "no interval";
  if (effect.difference_ci->contains(0)) return "no change shown";
  return (effect.difference_ci->high < 0) == (effect.better == "lower") ? "better" : "worse";
}

Json result_of(const Effect& effect) {
  Json result = {{"aspect", effect.aspect}, {"metric", effect.metric}, {"ci", Json::object()}, {"better", effect.better}};
  const auto set = [&](const char* key, const std::optional<double>& value) {
    if (value) result[key] = core::number(*value);
    else core::set_absent(result, key, effect.reason.empty() ? "not defined" : effect.reason);
  };
  set("before", effect.before);
  set("after", effect.after);
  set("difference", effect.before && effect.after ? std::optional(*effect.after - *effect.before) : std::nullopt);
  if (effect.before_ci) result["ci"]["before"] = as_json(*effect.before_ci);
  if (effect.after_ci) result["ci"]["after"] = as_json(*effect.after_ci);
  if (effect.difference_ci) result["ci"]["difference"] = as_json(*effect.difference_ci);
  if (effect.better == "neutral") result["neutral"] = effect.neutral;
  if (effect.n > 0) result["n"] = effect.n;
  if (!effect.unit.empty()) result["unit"] = effect.unit;
  result["verdict"] = verdict_on(effect);
  return result;
}

}  // namespace

Json before_after(const Mitigation& mitigation, const std::vector<Effect>& effects) {
  Json document = core::make_document({.schema = "discreet.mitigation/1",
                                       .configuration = mitigation.configuration,
                                       .inputs = mitigation.inputs});
  document["mitigation"] = mitigation.name;
  if (!mitigation.before.empty() && !mitigation.after.empty()) {
    const core::InputFile before = core::describe_input("before", mitigation.before);
    const core::InputFile after = core::describe_input("after", mitigation.after);
    if (before.sha256 == after.sha256) {
      throw usage_error(fmt::format("{} and {} are the same model", before.path, after.path),
                        "Name the model before the mitigation and the one after it.");
    }
    document["models"] = {{"before", core::to_json(before)}, {"after", core::to_json(after)}};
  }
  for (const Effect& effect : effects) document["results"].push_back(result_of(effect));
  for (const std::string& caveat : mitigation.caveats) document["caveats"].push_back(caveat);
  return document;
}

}  // namespace discreet::app
