#include <fmt/format.h>

#include <algorithm>

#include "discreet/app/data_info.h"
#include "discreet/app/data_sets.h"
#include "discreet/cli/program.h"

namespace discreet {
namespace {

// "play_music 1,204, …": the most frequent first, at most ten.
std::string frequent_labels(const Json& counts) {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [name, count] : counts.items())
    order.emplace_back(-count.get<std::int64_t>(), name);
  std::sort(order.begin(), order.end());
  std::string line;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 10) return line + ", …";
    line += fmt::format("{}{} {}", i == 0 ? "" : ", ", order[i].second, -order[i].first);
  }
  return line;
}

void print_split(const Json& split) {
  const Json& words = split["words"];
  fmt::print("{}{} examples, {} words ({:.1f} each, {} to {}), {} different\n",
             split["split"] == "" ? "" : split["split"].get<std::string>() + ": ",
             split["examples"].get<std::int64_t>(), words["all"].get<std::int64_t>(),
             words["mean"].get<double>(), words["fewest"].get<std::int64_t>(),
             words["most"].get<std::int64_t>(), words["types"].get<std::int64_t>());
  if (!split["labels"].empty()) {
    fmt::print("  {} labels: {}\n", split["labels"].size(), frequent_labels(split["labels"]));
  }
  if (!split["tags"].empty()) fmt::print("  {} tags\n", split["tags"].size());
  if (!split["users"].is_null()) {
    fmt::print("  {} users, at most {} examples of one\n",
               split["users"]["users"].get<std::int64_t>(),
               split["users"]["most"].get<std::int64_t>());
  }
  for (const auto& [group, values] : split["groups"].items()) {
    fmt::print("  {}: {}\n", group, frequent_labels(values));
  }
  fmt::print("  {} exact duplicates\n", split["duplicates"].get<std::int64_t>());
}

}  // namespace

void register_verb_data_info(cli::Program& program) {
  static std::string source, format;
  static text::ReaderOptions options;
  CLI::App* verb = program.add_verb("data info", "Counts what is in a data set or a file.");
  verb->add_option("source", source, "A name, a file or a folder.")->required();
  verb->add_option("--format", format, "jsonl, csv, tsv, conll, labelled or parallel.");
  verb->add_option("--text", options.text, "Column of the text.");
  verb->add_option("--label", options.label, "Column of the label.");
  verb->add_option("--slots", options.slots, "Column of the tags.");
  verb->add_option("--user", options.user, "Column of the user.");
  verb->add_option("--group", options.group, "Columns of groups.")->delimiter(',');
  verb->add_flag_callback(
      "--latin-1", [] { options.encoding = text::FileEncoding::kLatin1; },
      "The file is in Latin-1, not in UTF-8.");
  verb->add_flag_callback(
      "--no-header", [] { options.header = false; }, "CSV, TSV: the columns are 1, 2, …");
  verb->add_flag_callback(
      "--no-quotes", [] { options.quotes = false; }, "CSV, TSV: '\"' is a character like others.");
  program.on_run(verb, [&program] {
    core::OperationContext context = program.context();
    const Json document = app::data_info(source, format, options, context);
    if (program.global().json) {
      cli::print_document(document);
      return 0;
    }
    if (document.contains("data_set")) {
      const Json& set = document["data_set"];
      fmt::print("{}: {}\n  from {}\n  licence: {}\n  {} files, {:.1f} MB\n",
                 set["name"].get<std::string>(), set["summary"].get<std::string>(),
                 set["origin"].get<std::string>(), set["licence"].get<std::string>(),
                 set["files"].size(), set["bytes"].get<double>() / 1e6);
      if (set["note"] != "") fmt::print("  {}\n", set["note"].get<std::string>());
    }
    for (const Json& split : document["results"]) print_split(split);
    for (const Json& caveat : document["caveats"]) fmt::print("{}\n", caveat.get<std::string>());
    return 0;
  });
}

}  // namespace discreet
