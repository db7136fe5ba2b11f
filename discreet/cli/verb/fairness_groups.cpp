#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "discreet/app/group_table.h"
#include "discreet/app/loader.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"

namespace discreet {
namespace {

struct GroupFlags {
  std::string run;
  std::string input;
  std::string out;
  std::string split = "test", data, format, text, swap;
  std::vector<std::string> mentions, relabel;
  std::string interval = app::gap_interval_names().front();
  std::vector<std::string> families;
  app::GroupQuestion question;
};

std::string group_name(const Json& group) {
  std::vector<std::string> parts;
  for (const auto& [column, value] : group.items()) {
    parts.push_back(fmt::format("{}={}", column, value.get<std::string>()));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

std::string rate_cell(const Json& rates, const std::string& name) {
  if (!rates[name].is_number()) return "n/a";
  std::string text = fmt::format("{:.4f}", rates[name].get<double>());
  if (rates["ci"].contains(name)) {
    text += fmt::format(" [{:.3f}, {:.3f}]", rates["ci"][name][0].get<double>(),
                        rates["ci"][name][1].get<double>());
  }
  return text;
}

void print_groups(const Json& document) {
  std::vector<std::string> shown;
  for (const char* name :
       {"selection_rate", "true_positive_rate", "false_positive_rate", "accuracy"}) {
    if (document["overall"].contains(name)) shown.emplace_back(name);
  }
  std::vector<std::string> header = {"group", "n"};
  header.insert(header.end(), shown.begin(), shown.end());
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const Json& rates) {
    std::vector<std::string> row = {name, fmt::format("{}", rates["n"].get<std::int64_t>())};
    for (const auto& rate : shown) row.push_back(rate_cell(rates, rate));
    rows.push_back(row);
  };
  for (const Json& entry : document["by_group"]) add(group_name(entry["group"]), entry);
  add("all", document["overall"]);
  cli::print_table(header, rows);
  fmt::print("\n");
  rows.clear();
  for (const Json& result : document["results"]) {
    const Json& ci = result["ci"];
    rows.push_back(
        {result["metric"].get<std::string>() + (result.contains("class") ? " " + result["class"].get<std::string>() : "") +
             (result.contains("over") ? " over identities" : ""),
         result["value"].is_number() ? fmt::format("{:.4f}", result["value"].get<double>())
                                     : "n/a: " + result["value_reason"].get<std::string>(),
         ci.is_array() ? fmt::format("[{:.4f}, {:.4f}]", ci[0].get<double>(), ci[1].get<double>())
                       : "",
         result.contains("p_holm") ? fmt::format("{:.4f}", result["p_holm"].get<double>()) : ""});
  }
  cli::print_table({"metric", "value", "interval", "p (Holm)"}, rows);
  fmt::print("\n");
  for (const Json& caveat : document["caveats"]) fmt::print("- {}\n", caveat.get<std::string>());
}

}  // namespace

void register_verb_fairness_groups(cli::Program& program) {
  static GroupFlags flags;
  auto& question = flags.question;
  CLI::App* verb = program.add_verb("fairness groups",
                                    "Rates by group with intervals, and the gaps between groups.",
                                    "Fairness of predictions, vectors and text.");
  auto* run = verb->add_option("run", flags.run,
                               "A run directory: its predictions by group; goes to RUN/audits.");
  verb->add_option("--input", flags.input, "A .csv, .tsv or .jsonl file of predictions.")
      ->excludes(run);
  verb->add_option("--label", question.label, "Column of true classes.")->capture_default_str();
  verb->add_option("--prediction", question.prediction, "Column of predicted classes.");
  verb->add_option("--score", question.score, "Column of scores, instead of --prediction.");
  verb->add_option("--threshold", question.threshold, "Positive means score >= threshold.")
      ->capture_default_str();
  verb->add_option("--group", question.group, "Column; several (g,h) give their intersections.")
      ->delimiter(',');
  verb->add_option("--weight", question.weight, "Column of weights.");
  verb->add_option("--identity", question.identity,
                   "With --score, or a run with --positive: columns of subgroups that may overlap; a row belongs from .5 on.")
      ->delimiter(',');
  verb->add_option("--counterfactual", question.counterfactual,
                   "With --score: column that says which rows are copies of one example.");
  verb->add_option("--original", question.original, "Column, 1 for the example itself; else each set's first row.");
  verb->add_option("--families", flags.families, "Further comparisons of each rate: pairwise, background, rest, multi-group.")
      ->delimiter(',')
      ->check(CLI::IsMember(app::group_family_names()));
  verb->add_option("--permutations", question.options.permutations, "Of groups, for p-values; 0 for none.")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  verb->add_option("--positive", question.positive, "The positive class, if not 1 or true. Of a run: its probability is the score; several with commas count as one.");
  verb->add_option("--data", flags.data, "Of a run: other data than its own, as in data.test (FILE?column=value keeps rows).");
  verb->add_option("--format", flags.format, "Of --data, if its name does not say it.");
  verb->add_option("--text", flags.text, "Of --data: column of the text; --label names that of the class.");
  verb->add_option("--relabel", flags.relabel, "Of --data: its names of classes and the run's, a=b,c=d.")->delimiter(',');
  verb->add_option("--mentions", flags.mentions,
                   "Of a run with --positive: words; the texts that hold one are a subgroup, as with --identity.")
      ->delimiter(',');
  verb->add_option("--swap", flags.swap,
                   "Of a run: counterfactual gap and flip rate over copies with words exchanged: gender (the built-in lists) or a "
                   "file of pairs.");
  verb->add_option("--split", flags.split, "Of a run: test or dev.")
      ->check(CLI::IsMember({"test", "dev"}))
      ->capture_default_str();
  verb->add_option("--least", question.options.least, "Rates over fewer examples are called small.")
      ->capture_default_str();
  verb->add_flag("--exclude-small", question.options.exclude_small,
                 "Small rates have no value and enter no gap.");
  verb->add_option("--confidence", question.options.confidence, "Of the intervals.")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  verb->add_option("--interval", flags.interval,
                   "Of gaps, by a bootstrap: distance covers; percentile and bca lie above 0 wherever noise alone does.")
      ->check(CLI::IsMember(app::gap_interval_names()))
      ->capture_default_str();
  verb->add_option("--resamples", question.options.resamples, "Of the bootstrap.")
      ->check(CLI::Range(100, 1000000))
      ->capture_default_str();
  verb->add_option("--seed", question.options.seed, "Of the bootstrap.")->capture_default_str();
  verb->add_option("--out", flags.out, "Write the document here.");
  program.on_run(verb, [&program, verb] {
    if (flags.run.empty() == flags.input.empty()) {
      throw usage_error("fairness groups needs a run directory or --input FILE",
                        "For example: discreet fairness groups --input predictions.csv --label y "
                        "--prediction p --group gender");
    }
    auto& asked = flags.question;
    asked.options.interval = app::gap_interval_of(flags.interval);
    const auto& known = app::group_family_names();
    for (const std::string& name : flags.families) {
      asked.options.families.push_back(
          static_cast<stats::GroupFamily>(std::find(known.begin(), known.end(), name) - known.begin()));
    }
    Json document;
    if (!flags.input.empty()) {
      document = app::groups_of_table(flags.input, asked);
      if (!flags.out.empty()) core::write_document(flags.out, document);
    } else {
      Json request = app::group_configuration(asked);
      request["run"] = flags.run;
      request["split"] = flags.split;
      for (const auto& [key, value] : {std::pair{"out", &flags.out}, {"data", &flags.data}, {"format", &flags.format},
                                       {"text_column", &flags.text}, {"swap", &flags.swap}}) {
        if (!value->empty()) request[key] = *value;
      }
      if (verb->count("--label") > 0) request["label_column"] = asked.label;
      if (!flags.mentions.empty()) request["mentions"] = flags.mentions;
      for (const std::string& pair : flags.relabel) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos) throw usage_error("--relabel: '" + pair + "' is no pair", "For example --relabel hateful=toxic.");
        request["relabel"][pair.substr(0, equals)] = pair.substr(equals + 1);
      }
      auto context = program.context();
      document = app::call_operation("run-groups", request, context);
    }
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_groups(document);
    }
    return 0;
  });
}

}  // namespace discreet
