#include "discreet/audit/internal/annealing.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct AnnealedOptions : internal::AnnealingOptions {
  AnnealedOptions() : AnnealingOptions{.start_temperature = 2, .end_temperature = 0.1} {}
};

const core::Fields<AnnealedOptions>& annealed_fields() {
  static const auto fields = internal::annealing_fields<AnnealedOptions>("annealed");
  return fields;
}

Extraction run_annealed(const ExtractionProblem& problem, const core::Config& config, std::uint64_t seed) {
  return internal::relax(problem, internal::relaxation_of(annealed_fields().parse(config), /*gumbel=*/false),
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
