#pragma once

#include <span>
#include <string>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// How tags are made of parts that they share: a tag's score is the sum of its parts' scores.
///
/// The parts are the letter (B or I), the type, and the tag itself; a name that is not BIO, and O, is a part
/// alone. B-city and I-city share a type, B-city and B-year a letter: what is learnt of one is known of the
/// other, which counts where noise drowns what is rare. Comes from the names alone, so it costs no privacy.
///
/// Shapes: K names; returns [K,P] of 0 and 1, P = letters + types + K, float32 on the CPU.
at::Tensor tag_parts(std::span<const std::string> names);

}  // namespace discreet::nn
