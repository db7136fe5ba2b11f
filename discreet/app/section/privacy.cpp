#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<PrivacyOptions>& privacy_fields() {
  static const auto fields =
      core::Fields<PrivacyOptions>("privacy")
          .add("mechanism", &PrivacyOptions::mechanism,
               {.choices = {"none", "dp-sgd", "edp-sgd", "dp-ftrl"},
                .doc = "none: no guarantee. dp-sgd: each unit's gradient is clipped, Gaussian noise "
                       "is added to the sum, units are drawn by Poisson sampling; the optimiser is "
                       "train.optimizer. edp-sgd: the batch falls into slots, each slot's mean "
                       "gradient is clipped by layer; two epsilons are stated, of which the "
                       "sensitivity-corrected one is the guarantee. dp-ftrl: units come in a fixed order, the "
                       "noise is correlated over the steps and cancels in sums of updates; no random "
                       "batches, zero-out neighbours.",
                .reference = "Abadi et al. 2016, Algorithm 1; Dupuy et al. 2022 in our reading "
                             "(docs/edp-sgd.md)"})
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
               {.choices = {"flat", "per-layer", "group-wise", "auto-s", "global", "adaptive"},
                .doc = "How gradients are bounded (`discreet explain NAME`). flat, auto-s, global and "
                       "adaptive take one norm over all parameters, per-layer and group-wise one for "
                       "each layer; adaptive and group-wise follow private quantiles that are counted "
                       "in epsilon. edp-sgd takes per-layer unless another one is named.",
                .reference = "docs/edp-sgd.md, docs/privacy.md"})
          .add("clip_norms", &PrivacyOptions::clip_norms,
               {.min = 0, .max = 1e9, .above_min = true,
                .doc = "per-layer, group-wise: the layers' norms themselves, instead of clip_norm. "
                       "Public numbers: chosen on private data they are outside the guarantee. "
                       "\"auto\": clipping is group-wise, so that each layer's norm follows the median "
                       "of the norms seen, from clip_norm on; the counts take at most a tenth of what a "
                       "step may spend, and are part of epsilon.",
                .reference = "Andrew et al. 2021; He et al. 2023; docs/edp-sgd.md"})
          .add("clip_weights", &PrivacyOptions::clip_weights,
               {.choices = {"uniform", "size"},
                .doc = "per-layer, group-wise: how clip_norm C falls on L layers; uniform: C/sqrt(L); "
                       "size: C sqrt(p/P) for a layer with p of P numbers."})
          .add("clip_groups", &PrivacyOptions::clip_groups,
               {.choices = {"layer", "module"},
                .doc = "per-layer, group-wise: what is clipped apart; layer: parameters that are used "
                       "together; module: those under one first name (encoder, heads)."})
          .add("quantile", &PrivacyOptions::quantile,
               {.min = 0, .max = 1, .above_min = true, .below_max = true,
                .doc = "adaptive, group-wise: the bound moves to where this share of the norms is "
                       "below it.",
                .reference = "Andrew et al. 2021, Algorithm 1"})
          .add("quantile_rate", &PrivacyOptions::quantile_rate,
               {.min = 0, .max = 10, .above_min = true,
                .doc = "adaptive, group-wise: step of the bound's logarithm."})
          .add("quantile_steps", &PrivacyOptions::quantile_steps,
               {.min = 0, .max = 1e9, .unit = "steps",
                .doc = "adaptive, group-wise: bounds move during so many first steps and then stay; "
                       "the counts cost nothing after. 0: always."})
          .add("count_noise", &PrivacyOptions::count_noise,
               {.min = 0, .max = 1e9, .unit = "segments",
                .doc = "adaptive, group-wise: standard deviation of the noise on each count. 0: a "
                       "twentieth of the batch, or so much that the counts take a tenth of the budget "
                       "at most."})
          .add("slots", &PrivacyOptions::slots,
               {.min = 0, .max = 4096,
                .doc = "edp-sgd: into how many parts a batch falls; each gives one clipped mean "
                       "gradient. 0: 16."})
          .add("micro_batches", &PrivacyOptions::micro_batches,
               {.choices = {"slots", "chunks"},
                .doc = "edp-sgd: slots: each drawn unit falls into its slot by a keyed hash. chunks: "
                       "consecutive runs of the batch; refused, as one unit then moves every later "
                       "chunk."})
          .add("noise_placement", &PrivacyOptions::noise_placement,
               {.choices = {"global", "per-layer", "per-worker"},
                .doc = "global: noise of noise_multiplier times clip_norm everywhere. per-layer: times "
                       "the layer's norm, counted as sqrt(L) times less noise. per-worker (edp-sgd): "
                       "each slot brings noise of its layer's norm."})
          .add("noise_schedule", &PrivacyOptions::noise_schedule,
               {.choices = {"constant", "exponential", "linear", "step"},
                .doc = "How the noise multiplier falls from epoch to epoch; composed epoch by epoch."})
          .add("noise_decay", &PrivacyOptions::noise_decay,
               {.min = 0, .max = 1, .above_min = true,
                .doc = "exponential: factor from an epoch to the next; step: factor every noise_every "
                       "epochs; linear: each epoch loses 1 - noise_decay of the first one's noise."})
          .add("noise_every", &PrivacyOptions::noise_every,
               {.min = 1, .max = 1e6, .unit = "epochs", .doc = "step: epochs from one fall to the next."})
          .add("noise_floor", &PrivacyOptions::noise_floor,
               {.min = 0, .max = 1e6, .unit = "sensitivities",
                .doc = "No epoch has a smaller noise multiplier than this."})
          .add("ftrl_matrix", &PrivacyOptions::ftrl_matrix,
               {.choices = {"banded", "tree"},
                .doc = "dp-ftrl: how noise is correlated. banded: by a matrix of ftrl_bands diagonals, fitted "
                       "to the run; tree: by binary trees over the steps.",
                .reference = "Choquette-Choo et al. 2023; Kairouz et al. 2021"})
          .add("ftrl_bands", &PrivacyOptions::ftrl_bands,
               {.min = 0, .max = 4096,
                .doc = "dp-ftrl, banded: diagonals, at most the steps of a pass; 2 (bands - 1) vectors of the "
                       "past are kept. 0: 16, or the steps of a pass if they are fewer."})
          .add("ftrl_honaker", &PrivacyOptions::ftrl_honaker,
               {.doc = "dp-ftrl, tree: each node's noise is averaged with that of its children; the same "
                       "privacy with less noise.",
                .reference = "Honaker 2015"})
          .add("ftrl_sampling", &PrivacyOptions::ftrl_sampling,
               {.choices = {"fixed-order", "cyclic-poisson"},
                .doc = "dp-ftrl: fixed-order: once in a pass, no amplification; cyclic-poisson (banded): groups "
                       "of units take turns, each drawn from by Poisson sampling.",
                .reference = "Choquette-Choo et al. 2023, section 4"})
          .add("noise_protection", &PrivacyOptions::noise_protection,
               {.choices = {"grid", "none"},
                .doc = "grid: noisy sums are rounded to a grid, so that their bits tell no more than "
                       "the mechanism on paper. none: noise added in floating point, a little "
                       "quicker; the statement then says that the protection is absent.",
                .reference = "Mironov 2012; Jin et al. 2021, arXiv 2112.05307"})
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
          .add("kept_mib", &PrivacyOptions::kept_mib,
               {.min = 0, .max = 1 << 20, .unit = "MiB",
                .doc = "What segments' gradients may take beyond what the backward pass left, over all "
                       "layers, where keeping them is faster; the result does not depend on it."})
          .add("generic_rule", &PrivacyOptions::generic_rule,
               {.doc = "Patterns of parameters without a rule of their own that may be copied once for "
                       "each unit of a part, for example \"encoder.mix.*\". Exact; slow and large for "
                       "anything but small parameters."})
          .add("generic_mib", &PrivacyOptions::generic_mib,
               {.min = 0, .max = 1 << 20, .unit = "MiB",
                .doc = "What one such parameter may take; more is refused."})
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
