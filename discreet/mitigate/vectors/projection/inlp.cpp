#include <fmt/format.h>

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/vectors/projection.h"
#include "discreet/stats/probe.h"

namespace discreet {
namespace mitigate {
namespace {

struct InlpOptions {
  std::int64_t rounds = 80;
  double tolerance = 0.01;
  double l2 = 1e-4;
};

const core::Fields<InlpOptions>& inlp_fields() {
  static const auto fields =
      core::Fields<InlpOptions>("inlp")
          .add("rounds", &InlpOptions::rounds, {.min = 1, .max = 10000, .doc = "Classifiers at most."})
          .add("tolerance", &InlpOptions::tolerance,
               {.min = 0, .max = 1, .doc = "It ends when the next classifier is right no more often than the largest class and this, on the same rows."})
          .add("l2", &InlpOptions::l2, {.min = 0, .above_min = true, .doc = "Penalty of each classifier, per row."});
  return fields;
}

AffineMap fit_inlp(const ProjectionData& data, const core::Config& config) {
  const InlpOptions options = inlp_fields().parse(config);
  if (data.labels.size() != data.size() || data.classes < 2) throw bad_data("inlp needs the class of each row, of at least two");
  const std::size_t rank = centered_rank(data);
  std::vector<double> directions;
  AffineMap map = without_span(directions, data.dimension);
  std::int64_t rounds = 0;
  stats::ProbeAccuracy last;
  for (;; ++rounds) {
    // The original rows are projected anew, so that rounding does not pile up.
    const std::vector<double> projected = map.apply(data.rows);
    const stats::Probe probe(projected, data.dimension, data.labels, data.classes, {.l2 = options.l2});
    last = stats::count_right(probe.predict(projected), data.labels, data.classes);
    if (last.accuracy <= last.majority + options.tolerance || rounds == options.rounds) break;
    const std::vector<double> found = probe.directions();
    directions.insert(directions.end(), found.begin(), found.end());
    const std::size_t before = map.removed;
    // A direction that mostly lies in what is gone already is rounding.
    map = without_span(directions, data.dimension, 1e-6);
    if (map.removed == before) break;
    check_rank(map, rank, "inlp");
  }
  check_rank(map, rank, "inlp");
  map.notes.push_back(fmt::format("{} rounds; the next linear classifier is right on {:.4f} of the rows, the largest class has {:.4f}.",
                                  rounds, last.accuracy, last.majority));
  return map;
}

}  // namespace
}  // namespace mitigate

void register_projection_inlp(core::Registry& registry) {
  registry.add({.kind = "projection",
                .name = "inlp",
                .summary = "Linear classifiers one after the other, each one's directions removed",
                .reference = "Ravfogel et al. 2020",
                .fields = mitigate::inlp_fields().info(),
                .make = mitigate::ProjectionMethod{.fit = mitigate::fit_inlp}});
}

}  // namespace discreet
