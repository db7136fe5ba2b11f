#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/vectors/projection.h"

namespace discreet {
namespace mitigate {
namespace {

struct SentenceDebiasOptions {
  std::int64_t components = 1;
};

const core::Fields<SentenceDebiasOptions>& sentence_debias_fields() {
  static const auto fields = core::Fields<SentenceDebiasOptions>("sentence-debias")
                                 .add("components", &SentenceDebiasOptions::components,
                                      {.min = 1, .doc = "Principal components of the pairs' differences that are removed."});
  return fields;
}

AffineMap fit_sentence_debias(const ProjectionData& data, const core::Config& config) {
  const auto components = static_cast<std::size_t>(sentence_debias_fields().parse(config).components);
  std::vector<std::string> notes;
  AffineMap map = without_span(pair_directions(data, components, notes), data.dimension);
  check_rank(map, data.dimension, "sentence-debias");
  map.notes = std::move(notes);
  return map;
}

}  // namespace
}  // namespace mitigate

void register_projection_sentence_debias(core::Registry& registry) {
  registry.add({.kind = "projection",
                .name = "sentence-debias",
                .summary = "Removes the principal directions in which counterparts differ",
                .reference = "Liang et al. 2020",
                .fields = mitigate::sentence_debias_fields().info(),
                .make = mitigate::ProjectionMethod{.fit = mitigate::fit_sentence_debias, .needs_pairs = true}});
}

}  // namespace discreet
