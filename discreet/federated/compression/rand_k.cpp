#include <algorithm>
#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

class RandK final : public Compressor {
 public:
  explicit RandK(const CompressionOptions& options) : options_(options) {}
  bool is_unbiased() const override { return true; }

  std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                     core::ReproducibleRng& rng) const override {
    (void)memory;
    const std::size_t n = update.size();
    const auto k = std::clamp<std::size_t>(
        static_cast<std::size_t>(std::llround(options_.share * double(n))), 1, n);
    // Chosen one after another: item i is taken with chance (still wanted) / (still there).
    std::size_t wanted = k;
    const auto scale = static_cast<float>(double(n) / double(k));
    for (std::size_t i = 0; i < n; ++i) {
      const bool taken = rng.below(n - i) < wanted;
      update[i] = taken ? update[i] * scale : 0;
      wanted -= taken;
    }
    return static_cast<std::int64_t>(4 * k + 8);  // values, and the seed of their places
  }

 private:
  CompressionOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_compression_rand_k(core::Registry& registry) {
  registry.add(
      {.kind = "compression",
       .name = "rand-k",
       .summary = "Coordinates by a shared seed, scaled up: every coordinate is right on average",
       .reference = "Wangni et al. 2018",
       .fields = federated::compression_fields().info(),
       .make = federated::MakeCompressor([](const federated::CompressionOptions& options) {
         return std::unique_ptr<federated::Compressor>(new federated::RandK(options));
       })});
}

}  // namespace discreet
