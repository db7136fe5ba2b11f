#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<Settings>& task_fields() {
  static const auto fields = core::Fields<Settings>("").add(
      "task", &Settings::task,
      {.choices = {"intent-slot", "text-classification", "tagging", "span-qa", "seq2seq",
                   "language-model", "masked-lm"},
       .doc = "What the model answers: an intent and a slot for each word; one class for a text; a tag "
              "for each word; where in a text the answer to a question stands; a text for a text; what "
              "the next token is; what the masked tokens are.",
       .reference = "Rajpurkar et al. 2016 (span-qa); Devlin et al. 2019 (masked-lm)"});
  return fields;
}

}  // namespace app

void register_section_task(core::Registry& registry) {
  app::add_section(registry, "", "Keys at the top of a configuration, before any section.",
                   app::task_fields().info());
}

}  // namespace discreet
