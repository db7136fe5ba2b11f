#include <cstdio>

#include <fmt/format.h>

#include <filesystem>

#include "discreet/app/study.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet {
namespace {

struct StudyFlags {
  std::string name, folder, cells, page;
  std::string preset = "quick", device = "cpu";
  double minutes = 0;
  std::vector<std::string> only;
  std::string share;
};

/// "2/3" as the second of three shares.
void read_share(const std::string& text, app::StudyOptions& options) {
  if (text.empty()) return;
  int read = 0;
  const int found = std::sscanf(text.c_str(), "%d/%d%n", &options.share, &options.shares, &read);
  if (found != 2 || read != static_cast<int>(text.size()) || options.share < 1 || options.share > options.shares) {
    throw usage_error(fmt::format("--share {}: expected K/N with 1 <= K <= N, for example 1/2", text),
                      "start N processes on the same --out, with K from 1 to N");
  }
}

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
  verb->add_option("--cells", flags.cells,
                   "A file of finished cells, one a line (docs/studies/cells): those count as finished, and new ones are put into it.");
  verb->add_option("--page", flags.page, "Write the page here too.");
  verb->add_option("--minutes", flags.minutes, "Begin no cell after so long; what is missing is listed.")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--only", flags.only, "Measure only cells of such names ('cost-*'); the others are listed as missing.");
  verb->add_option("--share", flags.share, "K/N: measure every N-th cell from the K-th on; N processes divide the study.");
  verb->add_option("--device", flags.device, "Where a study of whole language models is measured: cpu (default), cuda, cuda:N or auto.");
  program.on_run(verb, [&program] {
    app::StudyOptions options;
    options.preset = flags.preset == "full" ? app::StudyPreset::kFull : app::StudyPreset::kQuick;
    options.folder = flags.folder.empty() ? "runs/study-" + flags.name : flags.folder;
    options.minutes = flags.minutes;
    options.cells = flags.cells;
    options.only = flags.only;
    options.device = flags.device;
    read_share(flags.share, options);
    core::OperationContext context = program.context();
    context.emit = nullptr;
    const Json document = app::run_study(flags.name, options, context);
    const std::string page = app::study_page(document);
    if (!flags.page.empty()) {
      core::write_file_atomically(flags.page, page);
      for (const Json& picture : document.value("pictures", Json::array())) {
        const std::string file = picture["file"];
        core::write_file_atomically(std::filesystem::path(flags.page).parent_path() / file,
                                    core::read_file(options.folder / file));
      }
    }
    if (program.global().json) {
      cli::print_document(document);
    } else {
      fmt::print("{}", page);
    }
    return 0;
  });
}

}  // namespace discreet
