#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/document.h"

namespace discreet {
namespace {

struct CanaryFlags {
  std::string run, canaries, store, out;
  double exact = 1e6, confidence = 0.95;
  std::int64_t samples = 10000;
  std::uint64_t seed = 0;
  bool show_text = false;
};

std::string bits(const Json& value) { return value.is_number() ? fmt::format("{:.2f}", value.get<double>()) : "n/a"; }

void print_exposures(const Json& document) {
  constexpr std::size_t kMostRows = 20;
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : document["results"]) {
    if (rows.size() == kMostRows) break;
    rows.push_back({row["canary"].get<std::string>(), row.value("pattern", row["kind"].get<std::string>()),
                    row["repetitions"].dump(), row.contains("rank") && row["rank"].is_number() ? row["rank"].dump() : "n/a", bits(row["exposure"]),
                    bits(row.value("exposure_sampled", Json())), bits(row.value("exposure_extrapolated", Json())),
                    row.value("text", "")});
  }
  cli::print_table({"canary", "pattern", "repetitions", "rank", "exposure", "sampled", "by fit", ""}, rows);
  if (document["results"].size() > kMostRows) fmt::print("… of {}; --json has all\n", document["results"].size());
  fmt::print("\n");
  for (const char* side : {"planted", "not_planted"}) {
    const Json& part = document["summary"][side];
    if (part["n"] == 0) continue;
    fmt::print("{}: {} canaries, mean exposure {} bits", side == std::string("planted") ? "planted" : "not planted",
               part["n"].get<std::int64_t>(), bits(part["mean_exposure"]));
    if (part.contains("rank_1")) {
      fmt::print(", first of all candidates: {} of {}", part["rank_1"]["count"].get<std::int64_t>(), part["rank_1"]["n"].get<std::int64_t>());
    }
    fmt::print("\n");
  }
  if (document["summary"].contains("p_value")) {
    fmt::print("planted canaries are more exposed: p = {:.3g} (Mann-Whitney)\n", document["summary"]["p_value"].get<double>());
  }
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_audit_canary(cli::Program& program) {
  static CanaryFlags flags;
  CLI::App* verb = program.add_verb("audit canary", "How far a run's model gives planted canaries away: their exposure.",
                                    "Attacks that measure what a model gives away.");
  verb->add_option("run", flags.run, "A run that was trained on what `audit plant` wrote.")->required();
  verb->add_option("--canaries", flags.canaries, "The canary file of `audit plant`.")->required();
  verb->add_option("--exact", flags.exact, "Patterns with at most so many sentences are enumerated.")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  verb->add_option("--samples", flags.samples, "References for sampling and the fit.")
      ->check(CLI::Range(10, 1000000))
      ->capture_default_str();
  verb->add_option("--seed", flags.seed, "Of the references.")->capture_default_str();
  verb->add_option("--confidence", flags.confidence, "Of the intervals.")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  verb->add_flag("--show-text", flags.show_text, "Print the canaries too.");
  verb->add_option("--store", flags.store, "Write a score for each canary here, for `audit epsilon --scores`.");
  verb->add_option("--out", flags.out, "Write the document here instead of RUN/audits.");
  program.on_run(verb, [&program] {
    Json request = {{"run", flags.run},         {"canaries", flags.canaries}, {"exact", flags.exact},
                    {"samples", flags.samples}, {"seed", flags.seed},         {"confidence", flags.confidence},
                    {"show_text", flags.show_text}};
    if (!flags.store.empty()) request["store"] = flags.store;
    if (!flags.out.empty()) request["out"] = flags.out;
    auto context = program.context();
    const Json document = app::call_operation("canary", request, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_exposures(document);
    }
    return 0;
  });
}

}  // namespace discreet
