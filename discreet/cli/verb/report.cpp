#include <fmt/format.h>

#include <filesystem>

#include "discreet/cli/program.h"
#include "discreet/report/report.h"

namespace discreet {

void register_verb_report(cli::Program& program) {
  static std::vector<std::string> runs;
  static std::string out;
  CLI::App* verb = program.add_verb(
      "report", "Writes one self-contained page about runs: training, privacy, audits, fairness.");
  verb->add_option("runs", runs, "Run directories, or folders of runs.")->required();
  verb->add_option("--out", out,
                   "The page; its numbers go beside it as .json. RUN/report.html for one run, else "
                   "./report.html.");
  program.on_run(verb, [&program] {
    const std::vector<std::filesystem::path> paths(runs.begin(), runs.end());
    const Json report = report::build_report(paths);
    const std::filesystem::path page =
        out.empty() ? report::default_page(paths) : std::filesystem::path(out);
    report::write_report(page, report);
    if (program.global().json) {
      cli::print_document(report);
      return 0;
    }
    for (const Json& entry : report["results"]) {
      fmt::print("{}\n", entry["name"].get<std::string>());
      for (const auto& [key, sentence] : entry["summary"].items()) {
        fmt::print("  {}\n", sentence.get<std::string>());
      }
    }
    fmt::print("{}\n", page.string());
    return 0;
  });
}

}  // namespace discreet
