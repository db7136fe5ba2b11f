#include <fmt/format.h>

#include "discreet/app/federated_analytics.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

std::string analytics_cell(const Json& result, const char* key) {
  if (!result.contains(key)) return "";
  return result[key].is_number() ? fmt::format("{:.6g}", result[key].get<double>()) : "n/a";
}

void print_analytics(const Json& document) {
  std::vector<std::vector<std::string>> rows;
  const bool quantiles = document["configuration"]["what"] == "quantiles";
  for (const Json& result : document["results"]) {
    if (quantiles) {
      rows.push_back({analytics_cell(result, "quantile"), analytics_cell(result, "value"),
                      analytics_cell(result, "rank_deviation"), analytics_cell(result, "pooled")});
    } else {
      rows.push_back({result["item"].get<std::string>(), analytics_cell(result, "devices"), analytics_cell(result, "pooled")});
    }
  }
  cli::print_table(quantiles ? std::vector<std::string>{"quantile", "value", "rank noise", "pooled"}
                             : std::vector<std::string>{"item", "devices", "pooled"},
                   rows);
  fmt::print("\n");
  if (document.contains("statement")) fmt::print("{}\n", document["statement"].get<std::string>());
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_federated_analytics(cli::Program& program) {
  static app::AnalyticsQuestion question;
  static struct {
    std::optional<double> epsilon, noise_multiplier, delta, ledger_epsilon;
    std::optional<std::int64_t> insecure_seed;
    std::string accountant, ledger;
  } privacy;
  CLI::App* verb = program.add_verb("federated analytics", "Asks devices for quantiles or frequent words, by sums alone.",
                                    "Federated learning, simulated and deployed.");
  verb->add_option("what", question.what, "quantiles or heavy-hitters.")->check(CLI::IsMember({"quantiles", "heavy-hitters"}))->required();
  verb->add_option("--input", question.input, "A file, a known data set or assistant; each user is a device.")->required();
  verb->add_option("--of", question.of, "quantiles: of the examples of each device, or the words of each example.")
      ->check(CLI::IsMember({"examples", "words"}))->capture_default_str();
  verb->add_option("--method", question.method, "quantiles: tree (one round, all quantiles) or search (a round for each halving).")
      ->check(CLI::IsMember({"tree", "search"}))->capture_default_str();
  verb->add_option("--quantile", question.quantiles, "quantiles: between 0 and 1; may be repeated [.1, .5, .9].");
  verb->add_option("--low", question.quantile.low, "quantiles: public lower bound of the values.")->capture_default_str();
  verb->add_option("--high", question.quantile.high, "quantiles: public upper bound.")->capture_default_str();
  verb->add_option("--depth", question.quantile.depth, "quantiles: halvings of the range.")->capture_default_str();
  verb->add_option("--most-values", question.quantile.most_values, "quantiles: values that one device counts.")->capture_default_str();
  verb->add_option("--most-items", question.hitters.most_items, "heavy-hitters: words that one device names.")->capture_default_str();
  verb->add_option("--longest", question.hitters.longest, "heavy-hitters: letters of a word.")->capture_default_str();
  verb->add_option("--alphabet", question.hitters.alphabet, "heavy-hitters: public letters.");
  verb->add_option("--threshold", question.hitters.threshold, "heavy-hitters: fewest devices; 0: chosen from the noise.")->capture_default_str();
  verb->add_option("--most-prefixes", question.hitters.most_prefixes, "heavy-hitters: kept at each length.")->capture_default_str();
  verb->add_option("--sampling-rate", question.hitters.sampling_rate, "heavy-hitters: chance of each device to be asked in a round.")->capture_default_str();
  verb->add_option("--epsilon", privacy.epsilon, "Noise for this guarantee.");
  verb->add_option("--noise-multiplier", privacy.noise_multiplier, "Noise over sensitivity.");
  verb->add_option("--delta", privacy.delta, "With noise.");
  verb->add_option("--accountant", privacy.accountant, "See `discreet list accountant` [prv].");
  verb->add_option("--ledger", privacy.ledger, "The budget that the answer is charged to: see `discreet privacy ledger`.");
  verb->add_option("--ledger-epsilon", privacy.ledger_epsilon, "The budget of a ledger that is not there yet.")->check(CLI::PositiveNumber);
  verb->add_option("--insecure-seed", privacy.insecure_seed, "Repeatable noise, without any guarantee.");
  verb->add_flag("--compare", question.compare, "Also the plain answer on pooled data (not private).");
  verb->add_option("--format", question.format, "See `discreet list reader`.");
  verb->add_option("--text", question.reader.text, "Column of the text.");
  verb->add_option("--user", question.reader.user, "Column of the user.");
  program.on_run(verb, [&program, verb] {
    if (question.what == "quantiles") {
      cli::refuse_options(*verb, {"--most-items", "--longest", "--alphabet", "--threshold", "--most-prefixes", "--sampling-rate"},
                          "on quantiles");
    } else {
      cli::refuse_options(*verb, {"--of", "--method", "--quantile", "--low", "--high", "--depth", "--most-values"}, "on heavy-hitters");
    }
    if (privacy.epsilon) question.privacy["epsilon"] = *privacy.epsilon;
    if (privacy.noise_multiplier) question.privacy["noise_multiplier"] = *privacy.noise_multiplier;
    if (privacy.delta) question.privacy["delta"] = *privacy.delta;
    if (privacy.insecure_seed) question.privacy["insecure_seed"] = *privacy.insecure_seed;
    if (privacy.ledger_epsilon) question.privacy["ledger_epsilon"] = *privacy.ledger_epsilon;
    if (!privacy.ledger.empty()) question.privacy["ledger"] = privacy.ledger;
    if (!privacy.accountant.empty()) question.privacy["accountant"] = privacy.accountant;
    core::OperationContext context = program.context();
    const Json document = app::analyse_devices(question, context);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_analytics(document);
    }
    return 0;
  });
}

}  // namespace discreet
