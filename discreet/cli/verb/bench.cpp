#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

#include "discreet/app/doctor.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/files.h"
#include "discreet/core/version.h"

namespace discreet {
namespace {

struct BenchFlags {
  std::vector<std::string> shapes;
  std::vector<int> threads{1, 2};
  int steps = 15;
  int warm_up = 3;
  bool describe = false;
  std::string data, out;
};

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

/// One row per shape and number of threads: both modes side by side.
void print_results(const Json& results) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i + 1 < results.size(); i += 2) {
    const Json &plain = results[i], &with_privacy = results[i + 1];
    const double base = plain["minimum_ms"], other = with_privacy["minimum_ms"];
    const double memory = plain["peak_mib"], other_memory = with_privacy["peak_mib"];
    rows.push_back({plain["shape"], std::to_string(plain["threads"].get<int>()),
                    fmt::format("{:.1f}", base), fmt::format("{:.1f}", plain["median_ms"].get<double>()),
                    fmt::format("{:.1f}", other),
                    fmt::format("{:.1f}", with_privacy["median_ms"].get<double>()),
                    fmt::format("{:.2f}", other / base),
                    fmt::format("{:.2f}", with_privacy["minimum_cpu_ms"].get<double>() /
                                              plain["minimum_cpu_ms"].get<double>()),
                    fmt::format("{:.0f}", memory),
                    fmt::format("{:.0f}", other_memory),
                    memory > 0 ? fmt::format("{:.2f}", other_memory / memory) : "-"});
  }
  cli::print_table({"shape", "threads", "ordinary ms", "median", "private ms", "median", "ratio",
                    "of CPU", "MiB", "private MiB", "ratio"},
                   rows);
}

}  // namespace

void register_verb_bench(cli::Program& program) {
  static BenchFlags flags;
  CLI::App* verb = program.add_verb(
      "bench", "Times a training step with and without privacy, turn by turn, and its memory.");
  verb->add_option("shapes", flags.shapes, "Some of the shapes; without them, all.");
  verb->add_option("--threads", flags.threads, "Numbers of threads.")->check(CLI::Range(1, 1024));
  verb->add_option("--steps", flags.steps, "Timed steps of each kind.")->check(CLI::Range(1, 100000));
  verb->add_option("--warm-up", flags.warm_up, "Steps before these.")->check(CLI::Range(0, 1000));
  verb->add_option("--data", flags.data, "A folder with snips/, for the lengths of real utterances.");
  verb->add_option("--out", flags.out, "Write the document here.");
  verb->add_flag("--describe", flags.describe, "Say what the shapes are and time nothing.");
  program.on_run(verb, [&program] {
    if (flags.data.empty() && std::getenv("DISCREET_DATA") != nullptr) {
      flags.data = std::getenv("DISCREET_DATA");
    }
    core::OperationContext context = program.context();
    const Json request = {{"shapes", flags.shapes},   {"threads", flags.threads},
                          {"steps", flags.steps},     {"warm_up", flags.warm_up},
                          {"data", flags.data},       {"describe", flags.describe}};
    Json document = app::call_operation("bench", request, context);
    document["version"] = core::version();
    document["revision"] = core::git_revision();
    document["date"] = today();
    document["cpu"] = app::examine_machine()["cpu"];
    if (!flags.out.empty()) core::write_file_atomically(flags.out, document.dump(2) + "\n");
    if (program.global().json || flags.describe) {
      cli::print_document(document);
    } else {
      print_results(document["results"]);
    }
    return 0;
  });
}

}  // namespace discreet
