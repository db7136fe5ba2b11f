#pragma once

#include <string>

#include "discreet/audit/internal/relaxation.h"
#include "discreet/core/fields.h"

namespace discreet::audit::internal {

/// What the relaxations have in common whose temperature falls; each one's defaults are its own.
struct AnnealingOptions {
  std::int64_t iterations = 300;
  double learning_rate = 0.1;
  std::int64_t restarts = 16;
  double start_temperature, end_temperature;
};

/// `Options`: derived from AnnealingOptions, made with its defaults.
template <class Options>
core::Fields<Options> annealing_fields(const std::string& name) {
  using Count = std::int64_t Options::*;
  using Number = double Options::*;
  return core::Fields<Options>(name)
      .add("iterations", Count{&Options::iterations}, {.min = 1, .max = 1e6, .doc = "Steps."})
      .add("learning_rate", Number{&Options::learning_rate},
           {.min = 0, .max = 10, .above_min = true, .doc = "Of Adam on the logits."})
      .add("restarts", Count{&Options::restarts},
           {.min = 1, .max = 4096, .doc = "Starts at random, all in one batch; the best counts."})
      .add("start_temperature", Number{&Options::start_temperature},
           {.min = 0, .max = 1e3, .above_min = true, .doc = "Of the softmax in the first step."})
      .add("end_temperature", Number{&Options::end_temperature},
           {.min = 0, .max = 1e3, .above_min = true, .doc = "In the last; between them it falls geometrically."});
}

inline RelaxationOptions relaxation_of(const AnnealingOptions& options, bool gumbel) {
  return {.iterations = options.iterations,
          .learning_rate = options.learning_rate,
          .patience = 0,
          .restarts = options.restarts,
          .start_temperature = options.start_temperature,
          .end_temperature = options.end_temperature,
          .gumbel = gumbel};
}

}  // namespace discreet::audit::internal
