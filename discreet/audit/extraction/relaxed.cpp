#include "discreet/audit/internal/relaxation.h"
#include "discreet/core/fields.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct RelaxedOptions {
  std::int64_t iterations = 1000;
  double learning_rate = 0.02;
  std::int64_t patience = 100;
};

const core::Fields<RelaxedOptions>& relaxed_fields() {
  static const auto fields =
      core::Fields<RelaxedOptions>("relaxed")
          .add("iterations", &RelaxedOptions::iterations, {.min = 1, .max = 1e6, .doc = "Steps at most."})
          .add("learning_rate", &RelaxedOptions::learning_rate,
               {.min = 0, .max = 10, .above_min = true, .doc = "Of Adam on the logits."})
          .add("patience", &RelaxedOptions::patience,
               {.min = 0, .max = 1e6, .doc = "Ends once the most likely code has not changed for so many steps; 0: never."});
  return fields;
}

Extraction run_relaxed(const ExtractionProblem& problem, const core::Config& config, std::uint64_t seed) {
  const RelaxedOptions options = relaxed_fields().parse(config);
  return internal::relax(problem,
                         {.iterations = options.iterations, .learning_rate = options.learning_rate, .patience = options.patience},
                         core::ReproducibleRng(seed, "extraction/relaxed"));
}

}  // namespace
}  // namespace audit

void register_extraction_relaxed(core::Registry& registry) {
  registry.add({.kind = "extraction",
                .name = "relaxed",
                .summary = "The published inversion: a softmax over the candidates of each place, moved by gradients",
                .reference = "Parikh, Dupuy and Gupta 2022",
                .fields = audit::relaxed_fields().info(),
                .make = audit::ExtractionAttack{&audit::internal::no_relaxation, &audit::run_relaxed}});
}

}  // namespace discreet
