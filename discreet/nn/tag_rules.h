#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Which tags may stand where: K tags, start [K], follows [K*K] with follows[a*K+b] = b may stand
/// behind a. Empty: no rules.
struct TagRules {
  std::vector<std::uint8_t> start;
  std::vector<std::uint8_t> follows;
  bool empty() const { return start.empty(); }
};

/// The rules of BIO: I-x stands behind B-x or I-x only. Names that are not BIO are free. They come
/// from the names alone, so they cost no privacy.
TagRules bio_rules(std::span<const std::string> names);

/// The best-scoring tags of each sequence that keep the rules (Viterbi).
///
/// Shapes: B sequences, N tokens, K tags; emissions [N,K] float32 on the CPU, offsets [B+1].
/// Cost: O(N K predecessors).
std::vector<std::int64_t> decode_by_rules(const at::Tensor& emissions,
                                          std::span<const std::int64_t> offsets, const TagRules& rules);

}  // namespace discreet::nn
