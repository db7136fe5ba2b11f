#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct SensitivityFlags {
  std::string run, protected_run, control, weights = "uniform", data, format, text, label, ratings, out;
  std::string split = "test", outputs = "probabilities", classes = "uniform", features = "auto";
  std::vector<std::string> group;
  bool share = false, show_text = false, examples = false;
  int tokens = 20, resamples = 1000, limit = 0, seed = 0;
  double confidence = 0.95;
};

std::string sensitivity_value(const Json& result) {
  if (!result["value"].is_number()) return "n/a: " + result["value_reason"].get<std::string>();
  std::string text = fmt::format("{:.4g}", result["value"].get<double>());
  if (result["ci"].is_array()) {
    text += fmt::format(" [{:.4g}, {:.4g}]", result["ci"][0].get<double>(), result["ci"][1].get<double>());
  }
  return text;
}

void print_sensitivity(const Json& document) {
  const auto row_of = [](const std::string& name, const Json& result) {
    const auto quantile = [&](const char* q) {
      return result.contains("quantiles") ? fmt::format("{:.3g}", result["quantiles"][q].get<double>()) : std::string("-");
    };
    return std::vector<std::string>{result["weights"], name, sensitivity_value(result), quantile("0.05"), quantile("0.5"),
                                    quantile("0.95"), std::to_string(result["n"].get<int>()),
                                    std::to_string(result["left_out"].get<int>())};
  };
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : document["results"]) rows.push_back(row_of("all", result));
  for (const Json& entry : document.value("by_group", Json::array())) {
    std::vector<std::string> parts;
    for (const auto& [column, value] : entry["group"].items()) parts.push_back(column + "=" + value.get<std::string>());
    rows.push_back(row_of(fmt::format("{}", fmt::join(parts, " ")), entry));
  }
  cli::print_table({"weights", "group", "mean sensitivity", "5 %", "median", "95 %", "n", "left out"}, rows);
  rows.clear();
  for (const Json& row : document["tokens"]) {
    rows.push_back({std::to_string(row["rank"].get<int>()), row.value("text", "(hidden)"), std::to_string(row["n"].get<int>()),
                    fmt::format("{:.3g}", row["mean"].get<double>()), fmt::format("{:.1f} %", 100 * row["share"].get<double>())});
  }
  if (!rows.empty()) {
    fmt::print("\n");
    cli::print_table({"rank", "word", "n", "mean attribution", "share"}, rows);
  }
  rows.clear();
  for (const Json& entry : document.value("ratings", Json::array())) {
    const auto cell = [&](const char* key) {
      if (!entry[key].is_number()) return std::string("n/a");
      std::string text = fmt::format("{:.3f}", entry[key].get<double>());
      if (entry["ci"].contains(key)) {
        text += fmt::format(" [{:.2f}, {:.2f}]", entry["ci"][key][0].get<double>(), entry["ci"][key][1].get<double>());
      }
      return text;
    };
    rows.push_back({entry["weights"], cell("pearson"), cell("spearman"), std::to_string(entry["n"].get<int>())});
  }
  if (!rows.empty()) {
    fmt::print("\nWith the ratings:\n");
    cli::print_table({"weights", "pearson", "spearman", "n"}, rows);
  }
  fmt::print("\n");
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_fairness_sensitivity(cli::Program& program) {
  static SensitivityFlags flags;
  CLI::App* verb = program.add_verb("fairness sensitivity",
                                    "How far a classifier's predictions move with input features that tell a protected status.",
                                    "Fairness of predictions, vectors and text.");
  verb->add_option("run", flags.run, "The run whose classifier is asked; the document goes to RUN/audits.")->required();
  auto* by_run = verb->add_option("--protected", flags.protected_run,
                                  "A run that predicts the protected status from the same texts: its gradients weigh the features.");
  verb->add_option("--weights", flags.weights,
                   "Instead: uniform; gender (the built-in words, pronouns and names); or a file of words, one a line, with a "
                   "weight behind a tab, or JSON.")
      ->excludes(by_run)
      ->capture_default_str();
  verb->add_flag("--share", flags.share, "Weights of listed words are divided by their sum in each example.");
  verb->add_option("--control", flags.control, "A run to compare --protected with, as one trained on shuffled labels.");
  verb->add_option("--data", flags.data, "What is read, as in data.test; else the run's own test or development data.");
  verb->add_option("--format", flags.format, "Of --data, if its name does not say it.");
  verb->add_option("--text", flags.text, "Of --data: column of the text.");
  verb->add_option("--label", flags.label, "Of --data: column of the class.");
  verb->add_option("--split", flags.split, "Of the run's own data.")->check(CLI::IsMember({"test", "dev"}))->capture_default_str();
  verb->add_option("--group", flags.group, "Columns: means by group; several (g,h) give their intersections.")->delimiter(',');
  verb->add_option("--ratings", flags.ratings, "Column of numbers, as human judgements of unfairness: correlation with them.");
  verb->add_option("--outputs", flags.outputs, "What moves.")->check(CLI::IsMember({"probabilities", "logits"}))->capture_default_str();
  verb->add_option("--classes", flags.classes, "Weights of the classes: 1 over their number, 1, or only the predicted or the true one.")
      ->check(CLI::IsMember({"uniform", "ones", "predicted", "true"}))
      ->capture_default_str();
  verb->add_option("--features", flags.features,
                   "A feature is a coordinate of a token's vector, or a token by the norm of its gradient; auto: coordinates "
                   "where both models share their table, else token-l1.")
      ->check(CLI::IsMember({"auto", "coordinates", "token-l1", "token-l2"}))
      ->capture_default_str();
  verb->add_option("--tokens", flags.tokens, "Words of the table of attributions.")->check(CLI::Range(0, 100000))->capture_default_str();
  verb->add_flag("--show-text", flags.show_text, "Words stand in the document.");
  verb->add_flag("--examples", flags.examples, "Each example's value stands in the document.");
  verb->add_option("--limit", flags.limit, "Only the first so many examples; 0: all.")->check(CLI::NonNegativeNumber);
  verb->add_option("--resamples", flags.resamples, "Of the bootstrap.")->check(CLI::Range(100, 1000000))->capture_default_str();
  verb->add_option("--confidence", flags.confidence, "Of the intervals.")->check(CLI::Range(0.5, 0.9999))->capture_default_str();
  verb->add_option("--seed", flags.seed, "Of the bootstrap.")->capture_default_str();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program] {
    Json request = {{"run", flags.run},         {"weights", flags.weights},     {"share", flags.share},
                    {"split", flags.split},     {"group", flags.group},         {"outputs", flags.outputs},
                    {"classes", flags.classes}, {"features", flags.features},   {"tokens", flags.tokens},
                    {"limit", flags.limit},     {"resamples", flags.resamples}, {"confidence", flags.confidence},
                    {"seed", flags.seed},       {"show_text", flags.show_text}, {"examples", flags.examples}};
    for (const auto& [key, value] : {std::pair{"protected", &flags.protected_run}, {"control", &flags.control},
                                     {"data", &flags.data}, {"format", &flags.format}, {"text_column", &flags.text},
                                     {"label_column", &flags.label}, {"ratings", &flags.ratings}, {"out", &flags.out}}) {
      if (!value->empty()) request[key] = *value;
    }
    auto context = program.context();
    const Json document = app::call_operation("sensitivity", request, context);
    if (program.global().json) cli::print_document(document);
    else print_sensitivity(document);
    return 0;
  });
}

}  // namespace discreet
