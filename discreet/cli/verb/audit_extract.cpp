#include <cmath>

#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

struct ExtractFlags {
  std::string run, canaries, out;
  std::vector<std::string> attacks, set;
  double confidence = 0.95;
  std::uint64_t seed = 0;
  bool show_text = false;
};

void print_extraction(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) {
    if (result["accuracy"].is_null()) {
      rows.push_back({result["attack"].get<std::string>(), "0", "n/a", "n/a", "n/a", result["evaluations"].dump()});
      continue;
    }
    const Json& ci = result["ci"]["accuracy"];
    rows.push_back({result["attack"].get<std::string>(), result["n"].dump(),
                    fmt::format("{:.3f} [{:.3f}, {:.3f}]", result["accuracy"].get<double>(), ci[0].get<double>(), ci[1].get<double>()),
                    fmt::format("{:.3f}", result["hamming"].get<double>()),
                    fmt::format("{:.2g} / {:.3f}", result["random_accuracy"].get<double>(), result["random_hamming"].get<double>()),
                    result["evaluations"].dump()});
  }
  cli::print_table({"attack", "canaries", "all right  interval", "wrong places", "by chance", "evaluations"}, rows);
  fmt::print("\n");
  rows.clear();
  for (const Json& canary : document["canaries"]) {
    if (rows.size() == 20) break;
    std::vector<std::string> row = {canary["canary"].get<std::string>(), canary["pattern"].get<std::string>(),
                                    canary["planted"].get<bool>() ? canary["repetitions"].dump() : "not planted",
                                    canary["rank"].is_null() ? "n/a" : canary["rank"].dump(),
                                    fmt::format("{:g}", canary["candidates"].is_number() ? canary["candidates"].get<double>() : HUGE_VAL)};
    std::string found;
    const Json attacks = canary.value("attacks", Json::object());
    for (const auto& [attack, one] : attacks.items()) {
      if (one["right"].get<bool>()) found += (found.empty() ? "" : ", ") + attack;
    }
    row.push_back(found.empty() ? "none" : found);
    row.push_back(canary.value("text", ""));
    rows.push_back(std::move(row));
  }
  cli::print_table({"canary", "pattern", "repetitions", "rank", "of", "extracted by", ""}, rows);
  fmt::print("\n");
  for (const Json& missing : document["unavailable"]) {
    fmt::print("not run: {}: {}\n", missing["attack"].get<std::string>(), missing["reason"].get<std::string>());
  }
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_audit_extract(cli::Program& program) {
  static ExtractFlags flags;
  CLI::App* verb = program.add_verb("audit extract", "Reads planted codes back from a run's model: white-box inversion and search.",
                                    "Attacks that measure what a model gives away.");
  verb->add_option("run", flags.run, "A run that was trained on what `audit plant` wrote.")->required();
  verb->add_option("--canaries", flags.canaries, "The canary file of `audit plant`.")->required();
  verb->add_option("--attack", flags.attacks, "Attacks (`discreet list extraction`); all unless told.")->delimiter(',');
  verb->add_option("--set", flags.set, "ATTACK.OPTION=VALUE, for example relaxed.iterations=300.");
  verb->add_option("--seed", flags.seed, "Of starts and noise.")->capture_default_str();
  verb->add_option("--confidence", flags.confidence, "Of the intervals.")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  verb->add_flag("--show-text", flags.show_text, "Print the canaries and the answers too.");
  verb->add_option("--out", flags.out, "Write the document here instead of RUN/audits.");
  program.on_run(verb, [&program] {
    Json request = {{"run", flags.run},   {"canaries", flags.canaries},     {"attacks", flags.attacks}, {"set", flags.set},
                    {"seed", flags.seed}, {"confidence", flags.confidence}, {"show_text", flags.show_text}};
    if (!flags.out.empty()) request["out"] = flags.out;
    auto context = program.context();
    const Json document = app::call_operation("extract", request, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_extraction(document);
    }
    return 0;
  });
}

}  // namespace discreet
