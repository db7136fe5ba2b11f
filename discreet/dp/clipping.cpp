#include "discreet/dp/clipping.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::dp {

double unit_sensitivity(privacy::Relation relation, SegmentHolds holds) {
  if (holds == SegmentHolds::kMeanOfUnits) return 2;
  return privacy::sensitivity_factor(relation);
}

double clip_factor(double norm, double clip_norm) {
  if (!std::isfinite(norm)) return 0;
  return std::min(1.0, clip_norm / (norm + 1e-6));
}

std::vector<double> layer_bounds(const ClippingOptions& options, std::span<const ClipLayer> layers) {
  if (layers.empty()) {
    throw usage_error("clipping '" + options.rule + "' clips layers apart, but none are known",
                      "Give PrivacyOptions::layers, for example from dp::find_layers.");
  }
  std::vector<double> bounds = options.clip_norms;
  if (!bounds.empty()) {
    if (bounds.size() != layers.size()) {
      std::string names;
      for (const ClipLayer& layer : layers) names += (names.empty() ? "" : ", ") + layer.name;
      throw usage_error(fmt::format("{} clip norms for {} layers", bounds.size(), layers.size()),
                        "The model's layers, in order: " + names + ".");
    }
    for (const double bound : bounds) privacy::ClipNorm{bound};
    return bounds;
  }
  double total = 0;
  for (const ClipLayer& layer : layers) total += static_cast<double>(layer.values);
  for (const ClipLayer& layer : layers) {
    const double share = options.weights == "size" ? static_cast<double>(layer.values) / total
                                                   : 1.0 / static_cast<double>(layers.size());
    bounds.push_back(options.clip_norm * std::sqrt(share));
  }
  if (options.weights != "size" && options.weights != "uniform") {
    throw usage_error("clip weights '" + options.weights + "': expected uniform or size");
  }
  return bounds;
}

void ClippingRule::adapt(std::span<const double>, double) {
  throw internal_error("a clipping rule with fixed bounds was told to adapt");
}

Json ClippingRule::state() const { return {{"bounds", bounds_}}; }

void ClippingRule::load(const Json& state) {
  std::vector<double> bounds;
  try {
    bounds = state.at("bounds").get<std::vector<double>>();
  } catch (const nlohmann::json::exception& e) {
    throw bad_data(std::string("a checkpoint's clipping state: ") + e.what());
  }
  if (bounds.size() != bounds_.size()) {
    throw bad_data(fmt::format("a checkpoint has {} clip norms, the model has {}", bounds.size(),
                               bounds_.size()));
  }
  for (const double bound : bounds) {
    if (!(bound > 0) || std::isinf(bound)) throw bad_data("a checkpoint's clip norm is not positive");
  }
  bounds_ = std::move(bounds);
}

std::unique_ptr<ClippingRule> make_clipping_rule(const ClippingOptions& options,
                                                 std::span<const ClipLayer> layers) {
  privacy::ClipNorm{options.clip_norm};
  return core::registry().make<MakeClippingRule>("clipping", options.rule)(options, layers);
}

}  // namespace discreet::dp
