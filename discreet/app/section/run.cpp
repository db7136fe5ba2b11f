#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<RunOptions>& run_fields() {
  static const auto fields =
      core::Fields<RunOptions>("run")
          .add("dir", &RunOptions::dir,
               {.doc = "The run directory; empty: runs/ and a name made from task, model and "
                       "mechanism."})
          .add("seed", &RunOptions::seed,
               {.min = 0,
                .doc = "Of everything reproducible: initial weights, order, dropout, the part held "
                       "out. Never of privacy noise."})
          .add("device", &RunOptions::device,
               {.doc = "cpu, cuda or cuda:N; auto takes CUDA where there is one."});
  return fields;
}

}  // namespace app

void register_section_run(core::Registry& registry) {
  app::add_section(registry, "run", "Where the run is kept, its seed and its device.",
                   app::run_fields().info());
}

}  // namespace discreet
