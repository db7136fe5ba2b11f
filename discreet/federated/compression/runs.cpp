#include <memory>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

/// Runs of coordinates that are not zero, each with its place and length: the rows of an embedding
/// table whose words a client has, and the dense layers. Exact. Zeros shorter than a header are sent.
class Runs final : public Compressor {
 public:
  explicit Runs(const CompressionOptions&) {}
  bool is_unbiased() const override { return true; }
  bool reveals_support() const override { return true; }
  bool keeps_zeros() const override { return true; }

  std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                     core::ReproducibleRng& rng) const override {
    const FlatRange all{0, update.size()};
    return apply_parts(update, {&all, 1}, memory, rng);
  }

  std::int64_t apply_parts(std::span<float> update, std::span<const FlatRange> parts,
                           std::vector<float>& memory, core::ReproducibleRng& rng) const override {
    (void)memory;
    (void)rng;
    constexpr std::size_t kHeader = 8;  // bytes of place and length
    constexpr std::size_t kGap = kHeader / sizeof(float);
    std::size_t bytes = 0, last = 0;
    bool open = false;
    for (const FlatRange& part : parts) {
      for (std::size_t i = part.begin; i < part.end; ++i) {
        if (update[i] == 0) continue;
        const bool goes_on = open && i - last <= kGap;
        bytes += goes_on ? 4 * (i - last) : kHeader + 4;
        last = i;
        open = true;
      }
    }
    return static_cast<std::int64_t>(bytes);
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_compression_runs(core::Registry& registry) {
  registry.add(
      {.kind = "compression",
       .name = "runs",
       .summary = "Exact: runs of coordinates that changed, such as the embedding rows of a client's words",
       .reference = "",
       .fields = federated::compression_fields().info(),
       .make = federated::MakeCompressor([](const federated::CompressionOptions& options) {
         return std::unique_ptr<federated::Compressor>(new federated::Runs(options));
       })});
}

}  // namespace discreet
