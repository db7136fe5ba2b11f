#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/vectors/projection.h"

namespace discreet {
namespace mitigate {
namespace {

struct HardDebiasOptions {
  std::int64_t components = 1;
};

const core::Fields<HardDebiasOptions>& hard_debias_fields() {
  static const auto fields = core::Fields<HardDebiasOptions>("hard-debias")
                                 .add("components", &HardDebiasOptions::components,
                                      {.min = 1, .doc = "Principal components of the defining pairs' differences: the subspace."});
  return fields;
}

/// The neutralising map; who has words too equalises them after it (equalize.h).
AffineMap fit_hard_debias(const ProjectionData& data, const core::Config& config) {
  const auto components = static_cast<std::size_t>(hard_debias_fields().parse(config).components);
  std::vector<std::string> notes;
  AffineMap map = without_span(pair_directions(data, components, notes), data.dimension);
  check_rank(map, data.dimension, "hard-debias");
  map.notes = std::move(notes);
  return map;
}

}  // namespace
}  // namespace mitigate

void register_projection_hard_debias(core::Registry& registry) {
  registry.add({.kind = "projection",
                .name = "hard-debias",
                .summary = "Static vectors: neutralises all words but those that name the attribute, and equalises pairs",
                .reference = "Bolukbasi et al. 2016",
                .fields = mitigate::hard_debias_fields().info(),
                .make = mitigate::ProjectionMethod{
                    .fit = mitigate::fit_hard_debias, .needs_pairs = true, .unit_length = true}});
}

}  // namespace discreet
