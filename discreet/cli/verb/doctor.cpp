#include "discreet/app/doctor.h"

#include <fmt/format.h>

#include "discreet/cli/program.h"

namespace discreet {

void register_verb_doctor(cli::Program& program) {
  CLI::App* verb = program.add_verb(
      "doctor", "Says what the program was built with and runs on, and what costs speed.");
  program.on_run(verb, [&program] {
    const Json document = app::examine_machine();
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{}", app::doctor_as_text(document));
    }
    return 0;
  });
}

}  // namespace discreet
