#include "discreet/audit/internal/relaxation.h"
#include "discreet/core/fields.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct GumbelOptions {
  std::int64_t iterations = 300;
  double learning_rate = 0.1;
  std::int64_t restarts = 16;
  double start_temperature = 1, end_temperature = 0.2;
};

const core::Fields<GumbelOptions>& gumbel_fields() {
  static const auto fields =
      core::Fields<GumbelOptions>("gumbel")
          .add("iterations", &GumbelOptions::iterations, {.min = 1, .max = 1e6, .doc = "Steps."})
          .add("learning_rate", &GumbelOptions::learning_rate,
               {.min = 0, .max = 10, .above_min = true, .doc = "Of Adam on the logits."})
          .add("restarts", &GumbelOptions::restarts,
               {.min = 1, .max = 4096, .doc = "Starts at random, all in one batch; the best counts."})
          .add("start_temperature", &GumbelOptions::start_temperature,
               {.min = 0, .max = 1e3, .above_min = true, .doc = "Of the softmax in the first step."})
          .add("end_temperature", &GumbelOptions::end_temperature,
               {.min = 0, .max = 1e3, .above_min = true, .doc = "In the last; between them it falls geometrically."});
  return fields;
}

Extraction run_gumbel(const ExtractionProblem& problem, const core::Config& config, std::uint64_t seed) {
  const GumbelOptions options = gumbel_fields().parse(config);
  return internal::relax(problem,
                         {.iterations = options.iterations,
                          .learning_rate = options.learning_rate,
                          .patience = 0,
                          .restarts = options.restarts,
                          .start_temperature = options.start_temperature,
                          .end_temperature = options.end_temperature,
                          .gumbel = true},
                         core::ReproducibleRng(seed, "extraction/gumbel"));
}

}  // namespace
}  // namespace audit

void register_extraction_gumbel(core::Registry& registry) {
  registry.add({.kind = "extraction",
                .name = "gumbel",
                .summary = "The relaxation with Gumbel noise in every step, falling temperature and many starts",
                .reference = "Jang, Gu and Poole 2017; Parikh, Dupuy and Gupta 2022",
                .fields = audit::gumbel_fields().info(),
                .make = audit::ExtractionAttack{&audit::internal::no_relaxation, &audit::run_gumbel}});
}

}  // namespace discreet
