#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/fields.h"
#include "discreet/core/random.h"
#include "discreet/federated/fixed_point.h"

namespace discreet::federated {

struct CompressionOptions {
  double share = 0.01;           ///< top-k, rand-k: share of the coordinates that is sent.
  std::int64_t levels = 16;      ///< qsgd: s
  bool rotate = true;            ///< int8: random Hadamard rotation first.
  std::int64_t block = 1024;     ///< int8: coordinates with one scale.
};

const core::Fields<CompressionOptions>& compression_fields();

/// One client's update as it travels: `apply` replaces it by what the server will decode.
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Returns the bytes on the wire. `memory` [P] is what the client keeps between its rounds (error
  /// feedback); empty at its first round and for compressors that keep nothing.
  virtual std::int64_t apply(std::span<float> update, std::vector<float>& memory,
                             core::ReproducibleRng& rng) const = 0;
  /// The same for an update that is zero outside `parts` (fixed_point.h). Compressors that leave zeros
  /// alone look at the parts only.
  virtual std::int64_t apply_parts(std::span<float> update, std::span<const FlatRange> parts,
                                   std::vector<float>& memory, core::ReproducibleRng& rng) const {
    (void)parts;
    return apply(update, memory, rng);
  }
  /// Bytes on the wire of an update [size] that is these pieces and zeros, where it arrives as it is and
  /// clients keep nothing; none: only `apply` knows.
  virtual std::optional<std::int64_t> bytes_unchanged(std::size_t size, std::span<const FlatPiece> pieces) const {
    (void)size;
    (void)pieces;
    return std::nullopt;
  }
  /// Zeros stay zeros, and `apply_parts` costs what the parts cost.
  virtual bool keeps_zeros() const { return false; }
  /// Clients keep a `memory` from round to round.
  virtual bool keeps_memory() const { return false; }
  /// Which coordinates travel depends on the update: under secure aggregation or differential privacy
  /// the choice itself would tell what was typed, and is refused.
  virtual bool reveals_support() const { return false; }
  /// What travels is levels of a scale that each client finds for itself: a sum of such levels says nothing, and
  /// secure aggregation, where the server sees the sum alone, refuses it.
  virtual bool has_own_scale() const { return false; }
  /// The decoded update is right on average.
  virtual bool is_unbiased() const { return false; }
};

/// Registered under kind "compression".
using MakeCompressor = std::unique_ptr<Compressor> (*)(const CompressionOptions& options);
std::unique_ptr<Compressor> make_compressor(const std::string& name,
                                            const CompressionOptions& options = {});

/// In place: the Walsh-Hadamard transform divided by sqrt(size), its own inverse. Size a power of 2.
void hadamard(std::span<float> values);

/// For sums of integers modulo 2^b: stochastic_round((clip(x, -c, c) + c) L / (2 c)).
std::int64_t to_level(double x, double clip, std::int64_t levels, core::ReproducibleRng& rng);
/// The sum of n such levels back: S 2c/L - n c.
double from_level_sum(std::int64_t sum, double clip, std::int64_t levels, std::int64_t n);

}  // namespace discreet::federated
