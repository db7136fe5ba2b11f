#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

class Uncompressed final : public Compressor {
 public:
  explicit Uncompressed(const CompressionOptions& options) : options_(options) {}
  bool is_unbiased() const override { return true; }

  std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                     core::ReproducibleRng& rng) const override {
    (void)memory;
    (void)rng;
    return static_cast<std::int64_t>(4 * update.size());
  }
  std::int64_t apply_parts(std::span<float> update, std::span<const FlatRange> parts,
                           std::vector<float>& memory, core::ReproducibleRng& rng) const override {
    (void)parts;
    return apply(update, memory, rng);
  }
  std::optional<std::int64_t> bytes_unchanged(std::size_t size, std::span<const FlatPiece> pieces) const override {
    (void)pieces;
    return static_cast<std::int64_t>(4 * size);
  }
  bool keeps_zeros() const override { return true; }

 private:
  CompressionOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_compression_none(core::Registry& registry) {
  registry.add(
      {.kind = "compression",
       .name = "none",
       .summary = "Every coordinate in 32 bits",
       .reference = "",
       .fields = federated::compression_fields().info(),
       .make = federated::MakeCompressor([](const federated::CompressionOptions& options) {
         return std::unique_ptr<federated::Compressor>(new federated::Uncompressed(options));
       })});
}

}  // namespace discreet
