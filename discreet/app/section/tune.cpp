#include "discreet/app/tune.h"

#include "discreet/app/internal/section.h"

namespace discreet {
namespace app {

const core::Fields<TuneOptions>& tune_fields() {
  static const auto fields =
      core::Fields<TuneOptions>("tune")
          .add("runs", &TuneOptions::runs,
               {.doc = "train --tune: from what the number of runs is drawn, and its mean: geometric:10, "
                       "logarithmic:10 or negative-binomial:10:0.5 (shape).",
                .reference = "Papernot and Steinke 2022"})
          .add("grid", &TuneOptions::grid,
               {.doc = "The candidates: lines \"section.key=value,value,…\" over [model], [train] and "
                       "[privacy]; each run takes one combination, all with the same chance. All must "
                       "cost the same."})
          .add("metric", &TuneOptions::metric,
               {.doc = "What is best on data.dev; empty: train.metric, or that of the task."})
          .add("score_noise", &TuneOptions::score_noise,
               {.min = 0, .max = 1e9, .unit = "examples",
                .doc = "Where data.dev is not public: standard deviation of the noise on the number of right "
                       "answers of each run, counted in epsilon. 0: data.dev must be public."});
  return fields;
}

}  // namespace app

void register_section_tune(core::Registry& registry) {
  app::add_section(registry, "tune", "Private choice among hyper-parameters (`train --tune`).",
                   app::tune_fields().info());
}

}  // namespace discreet
