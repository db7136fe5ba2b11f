#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<MitigateOptions>& mitigate_fields() {
  static const auto fields =
      core::Fields<MitigateOptions>("mitigate")
          .add("weight", &MitigateOptions::weight,
               {.doc = "Column of the weight of each training example's loss, as `discreet mitigate reweigh` writes it; empty: all 1.",
                .reference = "Kamiran and Calders 2012"})
          .add("protected", &MitigateOptions::attribute,
               {.doc = "Column of a protected attribute that the adversary is to tell from what the classifier reads."})
          .add("adversary", &MitigateOptions::adversary,
               {.min = 0, .max = 1000,
                .doc = "How strongly what the classifier reads is moved against the adversary: its reversed gradient's weight. 0: no "
                       "adversary, and training as it is without this section, bit for bit.",
                .reference = "Ganin and Lempitsky 2015; Elazar and Goldberg 2018"})
          .add("adversary_hidden", &MitigateOptions::adversary_hidden, {.min = 1, .max = 65536, .doc = "Hidden units of the adversary."})
          .add("adversary_label", &MitigateOptions::adversary_label,
               {.doc = "The adversary sees the right class too, so that what is removed is the attribute given the class (equalised odds) "
                       "instead of all of it (parity).",
                .reference = "Zhang, Lemoine and Mitchell 2018"})
          .add("counterfactual", &MitigateOptions::counterfactual,
               {.choices = {"none", "augment", "substitute"},
                .doc = "Training text with gendered words exchanged: augment adds a copy of each example that has such words, substitute "
                       "exchanges a share of them in place. Labels and tags stay. data.dev and data.test are not touched.",
                .reference = "Lu et al. 2020; Hall Maudslay et al. 2019"})
          .add("share", &MitigateOptions::share, {.min = 0, .max = 1, .doc = "Share of examples exchanged, with substitute."});
  return fields;
}

}  // namespace app

void register_section_mitigate(core::Registry& registry) {
  app::add_section(registry, "mitigate", "What training does against unequal treatment of groups.", app::mitigate_fields().info());
}

}  // namespace discreet
