#include "discreet/audit/internal/annealing.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace audit {
namespace {

struct GumbelOptions : internal::AnnealingOptions {
  GumbelOptions() : AnnealingOptions{.start_temperature = 1, .end_temperature = 0.2} {}
};

const core::Fields<GumbelOptions>& gumbel_fields() {
  static const auto fields = internal::annealing_fields<GumbelOptions>("gumbel");
  return fields;
}

Extraction run_gumbel(const ExtractionProblem& problem, const core::Config& config, std::uint64_t seed) {
  return internal::relax(problem, internal::relaxation_of(gumbel_fields().parse(config), /*gumbel=*/true),
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
