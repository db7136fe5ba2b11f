#include "discreet/federated/compression.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "discreet/core/registry.h"

namespace discreet::federated {

const core::Fields<CompressionOptions>& compression_fields() {
  static const auto fields =
      core::Fields<CompressionOptions>("compression")
          .add("share", &CompressionOptions::share,
               {.min = 0, .max = 1, .above_min = true, .doc = "top-k, rand-k: share of the coordinates that is sent."})
          .add("levels", &CompressionOptions::levels,
               {.min = 1, .max = 1 << 20, .doc = "qsgd: levels of size between 0 and the norm."})
          .add("rotate", &CompressionOptions::rotate,
               {.doc = "int8: a random rotation first, which spreads large coordinates."})
          .add("block", &CompressionOptions::block,
               {.min = 1, .max = 1e9, .unit = "coordinates", .doc = "int8: coordinates that share one scale."});
  return fields;
}

std::unique_ptr<Compressor> make_compressor(const std::string& name,
                                            const CompressionOptions& options) {
  return core::registry().make<MakeCompressor>("compression", name)(options);
}

void hadamard(std::span<float> values) {
  const std::size_t n = values.size();
  if (!std::has_single_bit(n)) throw internal_error("a Hadamard transform needs a power of 2");
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t begin = 0; begin < n; begin += 2 * half) {
      for (std::size_t i = begin; i < begin + half; ++i) {
        const float a = values[i];
        const float b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
    }
  }
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(n)));
  for (float& value : values) value *= scale;
}

std::int64_t to_level(double x, double clip, std::int64_t levels, core::ReproducibleRng& rng) {
  const double place = (std::clamp(x, -clip, clip) + clip) * static_cast<double>(levels) / (2 * clip);
  const double floor = std::floor(place);
  return static_cast<std::int64_t>(floor) + (rng.uniform() < place - floor ? 1 : 0);
}

double from_level_sum(std::int64_t sum, double clip, std::int64_t levels, std::int64_t n) {
  return static_cast<double>(sum) * 2 * clip / static_cast<double>(levels) -
         static_cast<double>(n) * clip;
}

}  // namespace discreet::federated
