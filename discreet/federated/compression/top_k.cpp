#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

class TopK final : public Compressor {
 public:
  explicit TopK(const CompressionOptions& options) : options_(options) {}
  bool reveals_support() const override { return true; }
  bool keeps_memory() const override { return true; }

  std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                     core::ReproducibleRng& rng) const override {
    (void)rng;
    if (memory.empty()) memory.assign(update.size(), 0);
    for (std::size_t i = 0; i < update.size(); ++i) memory[i] += update[i];
    const auto k = std::clamp<std::size_t>(
        static_cast<std::size_t>(std::llround(options_.share * double(update.size()))), 1,
        update.size());
    std::vector<std::uint32_t> order(update.size());
    std::iota(order.begin(), order.end(), 0);
    const auto larger = [&](std::uint32_t a, std::uint32_t b) {
      const float x = std::abs(memory[a]), y = std::abs(memory[b]);
      return x != y ? x > y : a < b;  // ties go to the lower index
    };
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k - 1), order.end(),
                     larger);
    std::fill(update.begin(), update.end(), 0.0f);
    for (std::size_t i = 0; i < k; ++i) {
      update[order[i]] = memory[order[i]];
      memory[order[i]] = 0;
    }
    return static_cast<std::int64_t>(8 * k);  // a value and its place
  }

 private:
  CompressionOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_compression_top_k(core::Registry& registry) {
  registry.add(
      {.kind = "compression",
       .name = "top-k",
       .summary = "The largest coordinates; what was not sent is kept and added next time",
       .reference = "Stich, Cordonnier and Jaggi 2018",
       .fields = federated::compression_fields().info(),
       .make = federated::MakeCompressor([](const federated::CompressionOptions& options) {
         return std::unique_ptr<federated::Compressor>(new federated::TopK(options));
       })});
}

}  // namespace discreet
