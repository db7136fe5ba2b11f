#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/privacy/event.h"

namespace discreet::privacy {

/// The numbers of every kind; which ones a kind has is said in event.h.
struct Event::Node {
  Kind kind = Kind::kComposed;
  double number = 0;       ///< Noise multiplier, epsilon, or sampling rate of a sampled kind.
  double rate = 0;         ///< kCyclicPoissonBanded: the sampling rate.
  std::int64_t count = 0;  ///< Times; steps.
  std::int64_t units = 0;  ///< Units; bands.
  std::int64_t batch = 0;
  RunCount runs;
  MatrixProvenance provenance;
  std::string what;
  std::vector<Event> children;
};

}  // namespace discreet::privacy
