#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "discreet/privacy/event.h"
#include "discreet/privacy/noise.h"

namespace discreet::mitigate {

/// Which of `parts` disjoint parts a unit belongs to: a function of key and identity alone, so that one unit more or
/// less moves no other.
std::int64_t part_of(std::string_view identity, std::uint64_t key, std::int64_t parts);

/// What the votes of teachers on disjoint parts came to, and what that costs.
struct NoisyVotes {
  std::vector<std::int64_t> winners;  ///< [queries] class with the most votes after noise.
  privacy::Event event;               ///< All queries.
  double noise_multiplier = 0;        ///< Of the sensitivity.
};

/// The noisy maximum of votes (GNMax): independent Gaussian noise of `standard_deviation` votes on each class's count,
/// then the class with the largest.
///
/// Shapes: counts [queries][classes], each teacher one vote for each query.
/// Guarantee: one unit more or less changes one teacher, which takes its vote from one class to another: the counts of
/// a query move by sqrt(2) in L2 norm at most. Each query is a Gaussian mechanism with multiplier
/// standard_deviation / sqrt(2), whatever the votes were: the cost is independent of the data.
/// Throws: kPrivacyRefused for a standard deviation that is not positive; kUsage without queries or classes.
/// Ref: Papernot et al. 2018, Scalable Private Learning with PATE, section 3.
NoisyVotes noisy_max(const std::vector<std::vector<double>>& counts, double standard_deviation,
                     privacy::NoiseSource& noise);

}  // namespace discreet::mitigate
