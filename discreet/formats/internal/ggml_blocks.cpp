#include "discreet/formats/internal/ggml_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "discreet/formats/half.h"

// The blocks' layout is that of ggml-common.h; the arithmetic that of ggml-quants.c's reference
// loops, so that a weight is bit for bit what ggml makes of it.

namespace discreet::formats::internal {
namespace {

constexpr std::size_t kSmallBlock = 32, kSuperBlock = 256;

template <class T>
T value_at(const std::byte* bytes, std::size_t index = 0) {
  T value;
  std::memcpy(&value, bytes + index * sizeof(T), sizeof(T));
  return value;
}

float half_at(const std::byte* bytes) { return half_to_float(value_at<std::uint16_t>(bytes)); }

int byte_at(const std::byte* bytes, std::size_t index) {
  return std::to_integer<int>(bytes[index]);
}

template <class T>
void widen_plain(const std::byte* block, float* out) {
  *out = static_cast<float>(value_at<T>(block));
}

void widen_f16(const std::byte* block, float* out) { *out = half_at(block); }

void widen_bf16(const std::byte* block, float* out) {
  *out = bfloat16_to_float(value_at<std::uint16_t>(block));
}

/// half scale, 16 bytes: the low half-bytes are values 0 to 15, the high ones 16 to 31.
void widen_q4_0(const std::byte* block, float* out) {
  const float scale = half_at(block);
  for (std::size_t i = 0; i < kSmallBlock / 2; ++i) {
    const int pair = byte_at(block + 2, i);
    out[i] = static_cast<float>((pair & 15) - 8) * scale;
    out[i + kSmallBlock / 2] = static_cast<float>((pair >> 4) - 8) * scale;
  }
}

/// half scale, half minimum, 16 bytes as above.
void widen_q4_1(const std::byte* block, float* out) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  for (std::size_t i = 0; i < kSmallBlock / 2; ++i) {
    const int pair = byte_at(block + 4, i);
    const float low = static_cast<float>(pair & 15) * scale;
    const float high = static_cast<float>(pair >> 4) * scale;
    out[i] = low + minimum;
    out[i + kSmallBlock / 2] = high + minimum;
  }
}

/// The fifth bits of 32 values lie in one uint32.
template <bool kWithMinimum>
void widen_q5(const std::byte* block, float* out) {
  const float scale = half_at(block), minimum = kWithMinimum ? half_at(block + 2) : 0.0f;
  const std::byte* rest = block + (kWithMinimum ? 4 : 2);
  const auto fifth = value_at<std::uint32_t>(rest);
  for (std::size_t i = 0; i < kSmallBlock; ++i) {
    const int pair = byte_at(rest + 4, i % 16);
    const int bits = (i < 16 ? pair & 15 : pair >> 4) | static_cast<int>(fifth >> i & 1) << 4;
    const float scaled = static_cast<float>(kWithMinimum ? bits : bits - 16) * scale;
    out[i] = kWithMinimum ? scaled + minimum : scaled;
  }
}

void widen_q8_0(const std::byte* block, float* out) {
  const float scale = half_at(block);
  for (std::size_t i = 0; i < kSmallBlock; ++i) {
    out[i] = static_cast<float>(value_at<std::int8_t>(block + 2, i)) * scale;
  }
}

struct ScaleAndMinimum {
  float scale, minimum;
};

/// Of part `i` of 8: six bits each, packed into 12 bytes.
ScaleAndMinimum part_of(const std::byte* packed, std::size_t i, float scale, float minimum) {
  int own = 0, least = 0;
  if (i < 4) {
    own = byte_at(packed, i) & 63;
    least = byte_at(packed, i + 4) & 63;
  } else {
    own = (byte_at(packed, i + 4) & 15) | (byte_at(packed, i - 4) >> 6) << 4;
    least = byte_at(packed, i + 4) >> 4 | (byte_at(packed, i) >> 6) << 4;
  }
  return {scale * static_cast<float>(own), minimum * static_cast<float>(least)};
}

/// half scale, half minimum, 12 bytes of parts' scales, (Q5_K: 32 bytes of fifth bits,) 128 bytes
/// of four bits: in each 32 bytes the low ones are one part, the high ones the next.
template <bool kFiveBits>
void widen_q45_k(const std::byte* block, float* out) {
  const float scale = half_at(block), minimum = half_at(block + 2);
  const std::byte* fifth = block + 16;
  const std::byte* low = fifth + (kFiveBits ? 32 : 0);
  for (std::size_t part = 0; part < 8; ++part) {
    const auto [d, m] = part_of(block + 4, part, scale, minimum);
    for (std::size_t i = 0; i < 32; ++i) {
      const int pair = byte_at(low + part / 2 * 32, i);
      int bits = part % 2 == 0 ? pair & 15 : pair >> 4;
      if (kFiveBits) bits += (byte_at(fifth, i) >> part & 1) * 16;
      const float scaled = d * static_cast<float>(bits);
      out[32 * part + i] = scaled - m;
    }
  }
}

/// 128 bytes of low four bits, 64 of high two bits, 16 scales of 16 values each, half scale.
void widen_q6_k(const std::byte* block, float* out) {
  const float scale = half_at(block + 208);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::byte *low = block + 64 * half, *high = block + 128 + 32 * half;
    const std::byte* scales = block + 192 + 8 * half;
    for (std::size_t quarter = 0; quarter < 4; ++quarter) {
      for (std::size_t i = 0; i < 32; ++i) {
        const int pair = byte_at(low, i + 32 * (quarter % 2));
        const int four = quarter < 2 ? pair & 15 : pair >> 4;
        const int two = byte_at(high, i) >> (2 * quarter) & 3;
        const float own =
            scale * static_cast<float>(value_at<std::int8_t>(scales, i / 16 + 2 * quarter));
        out[128 * half + 32 * quarter + i] = own * static_cast<float>((four | two << 4) - 32);
      }
    }
  }
}

constexpr auto kLayouts = std::to_array<GgmlLayout>({
    {0, "F32", 1, 4, widen_plain<float>},
    {1, "F16", 1, 2, widen_f16},
    {2, "Q4_0", kSmallBlock, 18, widen_q4_0},
    {3, "Q4_1", kSmallBlock, 20, widen_q4_1},
    {6, "Q5_0", kSmallBlock, 22, widen_q5<false>},
    {7, "Q5_1", kSmallBlock, 24, widen_q5<true>},
    {8, "Q8_0", kSmallBlock, 34, widen_q8_0},
    {12, "Q4_K", kSuperBlock, 144, widen_q45_k<false>},
    {13, "Q5_K", kSuperBlock, 176, widen_q45_k<true>},
    {14, "Q6_K", kSuperBlock, 210, widen_q6_k},
    {24, "I8", 1, 1, widen_plain<std::int8_t>},
    {25, "I16", 1, 2, widen_plain<std::int16_t>},
    {26, "I32", 1, 4, widen_plain<std::int32_t>},
    {27, "I64", 1, 8, widen_plain<std::int64_t>},
    {28, "F64", 1, 8, widen_plain<double>},
    {30, "BF16", 1, 2, widen_bf16},
});

/// By number, for errors alone; empty where ggml has withdrawn one without a use.
constexpr std::array<std::string_view, 41> kTypeNames = {
    "F32",   "F16",        "Q4_0",       "Q4_1",       "Q4_2",     "Q4_3",     "Q5_0",
    "Q5_1",  "Q8_0",       "Q8_1",       "Q2_K",       "Q3_K",     "Q4_K",     "Q5_K",
    "Q6_K",  "Q8_K",       "IQ2_XXS",    "IQ2_XS",     "IQ3_XXS",  "IQ1_S",    "IQ4_NL",
    "IQ3_S", "IQ2_S",      "IQ4_XS",     "I8",         "I16",      "I32",      "I64",
    "F64",   "IQ1_M",      "BF16",       "Q4_0_4_4",   "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",
    "TQ2_0", "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4",    "NVFP4"};

}  // namespace

const GgmlLayout* find_ggml_layout(std::uint32_t type) {
  const auto found = std::find_if(kLayouts.begin(), kLayouts.end(),
                                  [&](const GgmlLayout& layout) { return layout.type == type; });
  return found == kLayouts.end() ? nullptr : &*found;
}

std::string ggml_type_text(std::uint32_t type) {
  return type < kTypeNames.size() ? std::string(kTypeNames[type]) : fmt::format("number {}", type);
}

}  // namespace discreet::formats::internal
