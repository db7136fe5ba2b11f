#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<PrivacyOptions>& privacy_fields() {
  static const auto fields =
      core::Fields<PrivacyOptions>("privacy")
          .add("mechanism", &PrivacyOptions::mechanism,
               {.choices = {"none", "dp-sgd"},
                .doc = "none: no guarantee. dp-sgd: each unit's gradient is clipped, Gaussian noise "
                       "is added to the sum, units are drawn by Poisson sampling; the optimiser is "
                       "train.optimizer.",
                .reference = "Abadi et al. 2016, Algorithm 1"})
          .add("epsilon", &PrivacyOptions::epsilon,
               {.min = 0, .above_min = true, .below_max = true,
                .doc = "Budget of the run: the noise is calibrated so that the accountant never says "
                       "more. Give epsilon or noise_multiplier."})
          .add("noise_multiplier", &PrivacyOptions::noise_multiplier,
               {.min = 0, .max = 1e6, .unit = "sensitivities",
                .doc = "Standard deviation of the noise over the clip norm. 0 gives no guarantee "
                       "(epsilon is infinite)."})
          .add("delta", &PrivacyOptions::delta,
               {.min = 0, .max = 1, .above_min = true, .below_max = true,
                .doc = "Chance that the bound epsilon may fail by; well below one over the number of "
                       "units. A private run must give it.",
                .reference = "Dwork and Roth 2014, definition 2.4"})
          .add("clip_norm", &PrivacyOptions::clip_norm,
               {.min = 0, .max = 1e9, .above_min = true,
                .doc = "Bound on the L2 norm of one unit's gradient."})
          .add("unit", &PrivacyOptions::unit,
               {.choices = {"example", "user"},
                .doc = "Whose presence is hidden: one line, or everything that one user wrote."})
          .add("clipping", &PrivacyOptions::clipping,
               {.choices = {"flat"}, .doc = "flat: one norm over all parameters."})
          .add("ledger", &PrivacyOptions::ledger,
               {.doc = "File that adds up what all runs on a data set spend; a run that would go past "
                       "its budget is refused (exit 5). Empty: none."})
          .add("ledger_epsilon", &PrivacyOptions::ledger_epsilon,
               {.min = 0, .doc = "Budget written into a ledger that does not exist yet."})
          .add("ledger_delta", &PrivacyOptions::ledger_delta,
               {.min = 0, .max = 1, .below_max = true,
                .doc = "Delta of a ledger that does not exist yet; 0: privacy.delta."})
          .add("accountant", &PrivacyOptions::accountant,
               {.doc = "Which accountant calibrates and states the guarantee (`discreet list "
                       "accountant`); it must give an upper bound."})
          .add("max_examples_per_user", &PrivacyOptions::max_examples_per_user,
               {.min = 1, .max = 1 << 20, .unit = "examples",
                .doc = "Unit user: at most so many examples of a drawn user enter a step."})
          .add("physical_tokens", &PrivacyOptions::physical_tokens,
               {.min = 1, .max = 1 << 30, .unit = "tokens",
                .doc = "A logical step is worked off in parts of about so many tokens; the result "
                       "does not depend on it, memory does."})
          .add("insecure_seed", &PrivacyOptions::insecure_seed,
               {.min = 0,
                .doc = "For tests alone: noise and sampling from a reproducible generator. The run's "
                       "statement then says that nothing is guaranteed."});
  return fields;
}

}  // namespace app

void register_section_privacy(core::Registry& registry) {
  app::add_section(registry, "privacy", "What is guaranteed to whom.",
                   app::privacy_fields().info());
}

}  // namespace discreet
