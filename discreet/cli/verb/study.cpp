#include <fmt/format.h>

#include "discreet/app/study.h"
#include "discreet/cli/program.h"
#include "discreet/core/files.h"

namespace discreet {
namespace {

struct StudyFlags {
  std::string name, folder, page;
  std::string preset = "quick";
  double minutes = 0;
};

}  // namespace

void register_verb_study(cli::Program& program) {
  static StudyFlags flags;
  CLI::App* verb = program.add_verb(
      "study", "Runs a study (discreet list study) and writes its page; a second call goes on where one stopped.");
  verb->add_option("name", flags.name, "Which study.")->required();
  verb->add_option("--preset", flags.preset, "quick: at most 20 minutes on two cores; full: the whole design.")
      ->check(CLI::IsMember({"quick", "full"}))
      ->capture_default_str();
  verb->add_option("--out", flags.folder, "Where its cells, study.json and page.md go (default runs/study-NAME).");
  verb->add_option("--page", flags.page, "Write the page here too.");
  verb->add_option("--minutes", flags.minutes, "Begin no cell after so long; what is missing is listed.")
      ->check(CLI::NonNegativeNumber);
  program.on_run(verb, [&program] {
    app::StudyOptions options;
    options.preset = flags.preset == "full" ? app::StudyPreset::kFull : app::StudyPreset::kQuick;
    options.folder = flags.folder.empty() ? "runs/study-" + flags.name : flags.folder;
    options.minutes = flags.minutes;
    core::OperationContext context = program.context();
    context.emit = nullptr;
    const Json document = app::run_study(flags.name, options, context);
    const std::string page = app::study_page(document);
    if (!flags.page.empty()) core::write_file_atomically(flags.page, page);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{}", page);
    }
    return 0;
  });
}

}  // namespace discreet
