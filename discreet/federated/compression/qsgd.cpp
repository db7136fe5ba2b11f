#include <bit>
#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

class Qsgd final : public Compressor {
 public:
  explicit Qsgd(const CompressionOptions& options) : options_(options) {}
  bool is_unbiased() const override { return true; }
  bool has_own_scale() const override { return true; }

  std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                     core::ReproducibleRng& rng) const override {
    (void)memory;
    double squares = 0;
    for (const float value : update) squares += double(value) * value;
    const double norm = std::sqrt(squares);
    const auto levels = static_cast<double>(options_.levels);
    for (float& value : update) {
      const double place = norm > 0 ? std::abs(double(value)) / norm * levels : 0;
      const double level = std::floor(place) + (rng.uniform() < place - std::floor(place) ? 1 : 0);
      value = static_cast<float>(std::copysign(norm * level / levels, double(value)));
    }
    const auto bits = std::bit_width(static_cast<std::uint64_t>(options_.levels)) + 1;  // and a sign
    return static_cast<std::int64_t>((update.size() * static_cast<std::size_t>(bits) + 7) / 8 + 4);
  }

 private:
  CompressionOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_compression_qsgd(core::Registry& registry) {
  registry.add(
      {.kind = "compression",
       .name = "qsgd",
       .summary = "The norm, and each coordinate rounded at random to a level",
       .reference = "Alistarh et al. 2017",
       .fields = federated::compression_fields().info(),
       .make = federated::MakeCompressor([](const federated::CompressionOptions& options) {
         return std::unique_ptr<federated::Compressor>(new federated::Qsgd(options));
       })});
}

}  // namespace discreet
