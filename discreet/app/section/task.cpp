#include "discreet/app/internal/section.h"
#include "discreet/app/settings.h"

namespace discreet {
namespace app {

const core::Fields<Settings>& task_fields() {
  static const auto fields = core::Fields<Settings>("").add(
      "task", &Settings::task,
      {.choices = {"intent-slot", "text-classification", "tagging", "language-model"},
       .doc = "What the model answers: an intent and a slot for each word, one class for a text, a tag "
              "for each word, or what the next token is."});
  return fields;
}

}  // namespace app

void register_section_task(core::Registry& registry) {
  app::add_section(registry, "", "Keys at the top of a configuration, before any section.",
                   app::task_fields().info());
}

}  // namespace discreet
