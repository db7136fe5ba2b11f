#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/formats/internal/config_features.h"
#include "discreet/formats/internal/config_parts.h"

namespace discreet::formats::internal {
namespace {

constexpr Range kRopePositions = {1, 1 << 30};

RopeConfig::Type rope_type_of(JsonFieldReader& rope, const std::string& where) {
  std::string type = "default";
  rope("rope_type", type, {}, rope.find("rope_type") == nullptr ? "type" : nullptr);
  rope.skip("type");
  if (type == "default") return RopeConfig::Type::kDefault;
  if (type == "linear") return RopeConfig::Type::kLinear;
  if (type == "llama3") return RopeConfig::Type::kLlama3;
  if (type == "dynamic") return RopeConfig::Type::kDynamic;
  if (type == "yarn") return RopeConfig::Type::kYarn;
  throw unsupported(rope.origin(), where + ".rope_type", type,
                    "rotary positions are default, linear, dynamic, yarn or llama3 here");
}

/// Beyond `factor` and the original length.
void read_yarn(JsonFieldReader& reader, RopeConfig& rope) {
  std::optional<double> fast, slow, mscale, mscale_all_dim;
  reader("beta_fast", fast, {1e-6, 1e6});
  reader("beta_slow", slow, {1e-6, 1e6});
  reader("attention_factor", rope.attention_factor, {1e-6, 1e6});
  reader("mscale", mscale, {0, 1e6});
  reader("mscale_all_dim", mscale_all_dim, {0, 1e6});
  reader("truncate", rope.truncate);
  rope.beta_fast = fast.value_or(rope.beta_fast);
  rope.beta_slow = slow.value_or(rope.beta_slow);
  rope.mscale = mscale.value_or(0);
  rope.mscale_all_dim = mscale_all_dim.value_or(0);
  if (rope.beta_fast < rope.beta_slow) {
    throw reader.fail("beta_fast", rope.beta_fast, fmt::format("at least beta_slow, {}", rope.beta_slow));
  }
  if (rope.theta <= 1) throw reader.fail("rope_theta", rope.theta, "more than 1");
}

}  // namespace

void read_rope(JsonFieldReader& fields, PretrainedConfig& c) {
  RopeConfig& rope = c.llama.rope;
  fields("rope_theta", rope.theta, {1e-3, 1e18});
  const Json* parameters = fields.find("rope_parameters");
  const Json* scaling = fields.find("rope_scaling");
  const bool old = scaling != nullptr && !is_off(*scaling);
  const char* where = old ? "rope_scaling" : "rope_parameters";
  const Json* given = old ? scaling : parameters;
  double rotary_part = 1.0;
  fields("partial_rotary_factor", rotary_part, {0, 1});
  std::optional<std::int64_t> original;
  fields("original_max_position_embeddings", original, kRopePositions);
  if (given != nullptr && !given->is_null()) {
    if (!given->is_object()) throw fields.fail(where, *given, "an object or null");
    for (const auto& [key, value] : given->items()) {
      if (value.is_structured()) {
        throw unsupported(fields.origin(), fmt::format("{}.{}", where, shown_json(key)),
                          value, "positions that differ between layers");
      }
    }
    JsonFieldReader reader(*given, fields.origin() + ": " + where);
    rope.type = rope_type_of(reader, where);
    reader("rope_theta", rope.theta, {1e-3, 1e18});
    reader("partial_rotary_factor", rotary_part, {0, 1});
    std::optional<std::int64_t> inner;
    if (rope.type != RopeConfig::Type::kDefault) {
      reader("factor", rope.factor, {1e-6, 1e6});
      if (reader.find("factor") == nullptr) {
        throw bad_data(fmt::format("{}: has no \"factor\"", reader.origin()));
      }
    }
    if (rope.type == RopeConfig::Type::kLlama3 || rope.type == RopeConfig::Type::kYarn) {
      reader("original_max_position_embeddings", inner, kRopePositions);
      rope.original_max_positions = original.value_or(inner.value_or(c.max_position_embeddings));
    }
    if (rope.type == RopeConfig::Type::kYarn) read_yarn(reader, rope);
    if (rope.type == RopeConfig::Type::kLlama3) {
      reader("low_freq_factor", rope.low_freq_factor, {1e-6, 1e6});
      reader("high_freq_factor", rope.high_freq_factor, {1e-6, 1e6});
      if (rope.high_freq_factor <= rope.low_freq_factor) {
        throw reader.fail("high_freq_factor", rope.high_freq_factor,
                          fmt::format("more than low_freq_factor, {}", rope.low_freq_factor));
      }
    }
  }
  if (rotary_part != 1.0) {
    throw unsupported(fields.origin(), "partial_rotary_factor", rotary_part,
                      "all of a head is rotated here");
  }
}

Json rope_scaling_of(const RopeConfig& rope) {
  if (rope.type == RopeConfig::Type::kDefault) return Json();
  if (rope.type == RopeConfig::Type::kLinear) {
    return {{"rope_type", "linear"}, {"type", "linear"}, {"factor", rope.factor}};
  }
  if (rope.type == RopeConfig::Type::kDynamic) {
    return {{"rope_type", "dynamic"}, {"type", "dynamic"}, {"factor", rope.factor}};
  }
  if (rope.type == RopeConfig::Type::kYarn) {
    Json json = {{"rope_type", "yarn"},
                 {"factor", rope.factor},
                 {"original_max_position_embeddings", rope.original_max_positions},
                 {"beta_fast", rope.beta_fast},
                 {"beta_slow", rope.beta_slow}};
    if (rope.attention_factor) json["attention_factor"] = *rope.attention_factor;
    if (rope.mscale > 0) json["mscale"] = rope.mscale;
    if (rope.mscale_all_dim > 0) json["mscale_all_dim"] = rope.mscale_all_dim;
    if (!rope.truncate) json["truncate"] = false;
    return json;
  }
  return {{"rope_type", "llama3"},
          {"factor", rope.factor},
          {"low_freq_factor", rope.low_freq_factor},
          {"high_freq_factor", rope.high_freq_factor},
          {"original_max_position_embeddings", rope.original_max_positions}};
}

}  // namespace discreet::formats::internal
