#pragma once

#include <cstdint>
#include <vector>

namespace discreet::stats {

/// Which of `units` examples (or users) shadow model `model` is trained on: places, rising.
///
/// Models 2j and 2j + 1 share the units out between them: a random half each, of one more where their
/// number is odd. So of an even number of models exactly half are trained on each unit, all models have
/// the same number of units, and a model's half does not depend on how many models there are.
/// A function of the arguments alone. Ref: Carlini et al. 2022, section IV.B.
std::vector<std::int64_t> shadow_half(std::int64_t units, std::uint64_t model, std::uint64_t seed);

}  // namespace discreet::stats
