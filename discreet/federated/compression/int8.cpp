#include <algorithm>
#include <bit>
#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

/// To multiples of the largest size over 127, up or down at random.
void round_block(std::span<float> values, core::ReproducibleRng& rng) {
  float most = 0;
  for (const float value : values) most = std::max(most, std::abs(value));
  if (most == 0) return;
  const double unit = double(most) / 127;
  for (float& value : values) {
    const double place = value / unit;
    const double floor = std::floor(place);
    value = static_cast<float>(unit * (floor + (rng.uniform() < place - floor ? 1 : 0)));
  }
}

class Int8 final : public Compressor {
 public:
  explicit Int8(const CompressionOptions& options) : options_(options) {}
  bool is_unbiased() const override { return true; }
  bool has_own_scale() const override { return true; }

  std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                     core::ReproducibleRng& rng) const override {
    (void)memory;
    const std::size_t n = update.size();
    std::vector<float> turned(update.begin(), update.end());
    std::vector<float> sign;
    if (options_.rotate) {
      turned.resize(std::bit_ceil(std::max<std::size_t>(1, n)), 0);
      for (float& value : turned) {
        sign.push_back(rng() >> 63 ? -1.0f : 1.0f);
        value *= sign.back();
      }
      hadamard(turned);
    }
    const auto block = static_cast<std::size_t>(options_.block);
    for (std::size_t begin = 0; begin < turned.size(); begin += block) {
      round_block(std::span<float>(turned).subspan(begin, std::min(block, turned.size() - begin)),
                  rng);
    }
    const std::size_t sent = turned.size();
    if (options_.rotate) {
      hadamard(turned);
      for (std::size_t i = 0; i < turned.size(); ++i) turned[i] *= sign[i];
    }
    std::copy_n(turned.begin(), n, update.begin());
    const std::size_t scales = (sent + block - 1) / block;
    return static_cast<std::int64_t>(sent + 4 * scales + (options_.rotate ? 8 : 0));
  }

 private:
  CompressionOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_compression_int8(core::Registry& registry) {
  registry.add(
      {.kind = "compression",
       .name = "int8",
       .summary = "Eight bits for a coordinate and a scale for a block, after a random rotation",
       .reference = "Suresh et al. 2017",
       .fields = federated::compression_fields().info(),
       .make = federated::MakeCompressor([](const federated::CompressionOptions& options) {
         return std::unique_ptr<federated::Compressor>(new federated::Int8(options));
       })});
}

}  // namespace discreet
