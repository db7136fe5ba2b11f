#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/compression.h"

namespace discreet::federated {
namespace {

/// The bytes of runs, from pieces of an update in rising order.
class RunBytes {
 public:
  void count(std::size_t begin, std::span<const float> values) {
    constexpr std::size_t kHeader = 8;  // bytes of place and length
    constexpr std::size_t kGap = kHeader / sizeof(float);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] == 0) continue;
      const std::size_t at = begin + i;
      const bool goes_on = open_ && at - last_ <= kGap;
      sum_ += goes_on ? 4 * (at - last_) : kHeader + 4;
      last_ = at;
      open_ = true;
    }
  }
  std::size_t sum() const { return sum_; }

 private:
  std::size_t sum_ = 0, last_ = 0;
  bool open_ = false;
};

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
    RunBytes bytes;
    for (const FlatRange& part : parts) bytes.count(part.begin, update.subspan(part.begin, part.end - part.begin));
    return static_cast<std::int64_t>(bytes.sum());
  }

  std::optional<std::int64_t> bytes_unchanged(std::size_t size, std::span<const FlatPiece> pieces) const override {
    (void)size;
    std::vector<FlatPiece> rising(pieces.begin(), pieces.end());
    std::ranges::sort(rising, {}, &FlatPiece::begin);
    RunBytes bytes;
    for (const FlatPiece& piece : rising) bytes.count(piece.begin, {piece.values, piece.size});
    return static_cast<std::int64_t>(bytes.sum());
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
