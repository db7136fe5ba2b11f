#include "discreet/audit/internal/relaxation.h"
#include "discreet/core/fields.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct AnnealedOptions {
  std::int64_t iterations = 300;
  double learning_rate = 0.1;
  std::int64_t restarts = 16;
  double start_temperature = 2, end_temperature = 0.1;
};

const core::Fields<AnnealedOptions>& annealed_fields() {
  static const auto fields =
      core::Fields<AnnealedOptions>("annealed")
          .add("iterations", &AnnealedOptions::iterations, {.min = 1, .max = 1e6, .doc = "Steps."})
          .add("learning_rate", &AnnealedOptions::learning_rate,
               {.min = 0, .max = 10, .above_min = true, .doc = "Of Adam on the logits."})
          .add("restarts", &AnnealedOptions::restarts,
               {.min = 1, .max = 4096, .doc = "Starts at random, all in one batch; the best counts."})
          .add("start_temperature", &AnnealedOptions::start_temperature,
               {.min = 0, .max = 1e3, .above_min = true, .doc = "Of the softmax in the first step."})
          .add("end_temperature", &AnnealedOptions::end_temperature,
               {.min = 0, .max = 1e3, .above_min = true, .doc = "In the last; between them it falls geometrically."});
  return fields;
}

Extraction run_annealed(const ExtractionProblem& problem, const core::Config& config, std::uint64_t seed) {
  const AnnealedOptions options = annealed_fields().parse(config);
  return internal::relax(problem,
                         {.iterations = options.iterations,
                          .learning_rate = options.learning_rate,
                          .patience = 0,
                          .restarts = options.restarts,
                          .start_temperature = options.start_temperature,
                          .end_temperature = options.end_temperature},
                         core::ReproducibleRng(seed, "extraction/annealed"));
}

}  // namespace
}  // namespace audit

void register_extraction_annealed(core::Registry& registry) {
  registry.add({.kind = "extraction",
                .name = "annealed",
                .summary = "The relaxation with a falling temperature and many starts: mixtures turn into words",
                .reference = "",
                .fields = audit::annealed_fields().info(),
                .make = audit::ExtractionAttack{&audit::internal::no_relaxation, &audit::run_annealed}});
}

}  // namespace discreet
