#include <algorithm>
#include <cmath>
#include <numbers>

#include "discreet/formats/pretrained_config.h"

// Formulas as transformers 5 has them (modeling_rope_utils.py).

namespace discreet::formats {
namespace {

/// Llama 3: long waves are stretched, short ones stay, what is between is blended.
double llama3_frequency(const RopeConfig& rope, double plain) {
  const double length = 2 * std::numbers::pi / plain;
  const auto context = static_cast<double>(rope.original_max_positions);
  const double low = rope.low_freq_factor, high = rope.high_freq_factor;
  if (length > context / low) return plain / rope.factor;
  if (length < context / high) return plain;
  const double share = (context / length - low) / (high - low);
  return (1 - share) * plain / rope.factor + share * plain;
}

/// YaRN's ramp: the dimensions where it begins and ends. Ref: Peng et al. 2023, section 3.2.
std::pair<double, double> yarn_range(const RopeConfig& rope, std::int64_t width) {
  const auto turning = [&](double turns) {  // the dimension that turns so often over the original length
    const double length = static_cast<double>(rope.original_max_positions) / (turns * 2 * std::numbers::pi);
    return static_cast<double>(width) * std::log(length) / (2 * std::log(rope.theta));
  };
  double low = turning(rope.beta_fast), high = turning(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(width - 1));
  if (low == high) high += 0.001;  // so there
  return {low, high};
}

double yarn_magnitude(double factor, double scale) { return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1; }

}  // namespace

std::vector<double> RopeConfig::frequencies(std::int64_t width) const {
  std::vector<double> out;
  const auto [low, high] = type == Type::kYarn ? yarn_range(*this, width) : std::pair{0.0, 1.0};
  for (std::int64_t i = 0; i < width / 2; ++i) {
    const double plain = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(width));
    switch (type) {
      case Type::kDefault:
      case Type::kDynamic:  // plain up to max_position_embeddings, beyond which no text may go here
        out.push_back(plain);
        break;
      case Type::kLinear:
        out.push_back(plain / factor);
        break;
      case Type::kLlama3:
        out.push_back(llama3_frequency(*this, plain));
        break;
      case Type::kYarn: {
        const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        out.push_back(plain / factor * stretched + plain * (1 - stretched));
        break;
      }
    }
  }
  return out;
}

double RopeConfig::attention_scaling() const {
  if (type != Type::kYarn) return 1;
  if (attention_factor) return *attention_factor;
  if (mscale > 0 && mscale_all_dim > 0) {
    return yarn_magnitude(factor, mscale) / yarn_magnitude(factor, mscale_all_dim);
  }
  return yarn_magnitude(factor, 1);
}

}  // namespace discreet::formats
