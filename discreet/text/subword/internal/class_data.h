#pragma once

#include <cstddef>
#include <cstdint>

namespace discreet::text::subword {

/// Code point << 11 | class bits wherever the bits change.
extern const std::uint32_t kClassChanges[];
extern const std::size_t kClassChangeCount;

}  // namespace discreet::text::subword
