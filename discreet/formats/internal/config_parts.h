#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/formats/internal/json_fields.h"
#include "discreet/formats/pretrained_config.h"

namespace discreet::formats::internal {

/// Rotary positions: rope_theta and rope_scaling (transformers 4) or rope_parameters (5). Throws: kBadData.
void read_rope(JsonFieldReader& fields, PretrainedConfig& config);
/// As rope_scaling says it; null for plain positions.
Json rope_scaling_of(const RopeConfig& rope);

/// LABEL_0, LABEL_1, …
std::vector<std::string> numbered_labels(std::int64_t count);
/// Every name that `find_activation` knows.
std::vector<std::string> activation_names();

}  // namespace discreet::formats::internal
