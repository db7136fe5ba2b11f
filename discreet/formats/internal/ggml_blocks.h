#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace discreet::formats::internal {

/// A type of ggml's tensors: values come in blocks of a fixed number and size.
struct GgmlLayout {
  std::uint32_t type;
  std::string_view name;
  std::size_t block_values;
  std::size_t block_bytes;
  /// One block to float32. The bytes have any alignment.
  void (*widen)(const std::byte* block, float* out);
};

/// nullptr for a type that is not read.
const GgmlLayout* find_ggml_layout(std::uint32_t type);

/// The name ("Q2_K") of any type that ggml has or had, "number 99" for others.
std::string ggml_type_text(std::uint32_t type);

}  // namespace discreet::formats::internal
