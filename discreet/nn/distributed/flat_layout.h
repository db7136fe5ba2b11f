#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "discreet/nn/optimizer.h"

namespace discreet::nn {

/// Elements first .. first + size of one flattened parameter, and where they lie in the flat vector.
struct ParameterPiece {
  std::size_t parameter = 0;
  std::int64_t first = 0;
  std::int64_t size = 0;
  std::int64_t place = 0;
};

/// Each parameter begins at a multiple of this, and so does each part.
inline constexpr std::int64_t kFlatBlock = 512;

/// All parameters end to end in one vector, cut into equal parts, one per process. Gaps between
/// parameters hold zeros. A place in the vector depends on the parameters alone, so what is drawn by
/// place (noise) is the same for any number of parts.
///
/// Shapes: R parts of S elements.
class FlatLayout {
 public:
  /// Throws: kInternal if the parameters are of several types or devices.
  FlatLayout(const NamedTensors& parameters, int parts);

  std::int64_t part_size() const { return part_size_; }
  /// What of which parameter lies in `part`; may be empty.
  const std::vector<ParameterPiece>& pieces(int part) const {
    return pieces_[static_cast<std::size_t>(part)];
  }
  /// Where each parameter begins.
  const std::vector<std::int64_t>& places() const { return places_; }

 private:
  std::int64_t part_size_ = 0;
  std::vector<std::int64_t> places_;
  std::vector<std::vector<ParameterPiece>> pieces_;
};

}  // namespace discreet::nn
