#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "discreet/app/group_table.h"
#include "discreet/app/ops/internal/asked_data.h"
#include "discreet/app/ops/internal/classifier.h"
#include "discreet/app/ops/internal/run_counterfactuals.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/text/unicode.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

/// Whether all tags of each example are right.
std::vector<std::string> slots_right(const EncodedData& data, const Scores& scores) {
  std::vector<std::string> right;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto from = static_cast<std::size_t>(data.offsets[i]);
    const auto to = static_cast<std::size_t>(data.offsets[i + 1]);
    right.emplace_back(
        std::equal(data.tags.begin() + from, data.tags.begin() + to, scores.tags.begin() + from)
            ? "right"
            : "wrong");
  }
  return right;
}

/// What the texts themselves say: words that they mention, words that are exchanged.
bool asks_for_texts(const Json& request) {
  return !request.value("mentions", Json::array()).empty() || request.contains("swap");
}

/// The columns asked for; else those of data.group; else the columns that every example has.
std::vector<std::string> group_columns(const Json& request, const RunModel& run,
                                       const EncodedData& data) {
  auto columns = request.value("group", std::vector<std::string>{});
  // Words were named to compare by, not columns.
  if (columns.empty() && !request.value("mentions", Json::array()).empty()) return {};
  if (columns.empty()) columns = run.settings.data.group;
  if (columns.empty() && !data.examples.empty()) {
    for (const auto& [name, value] : data.examples.front().groups) {
      if (name != run.settings.mitigate.weight) columns.push_back(name);
    }
    if (columns.empty() && !data.examples.front().user.empty()) columns = {"user"};
  }
  if (columns.empty() && asks_for_texts(request)) return {};
  if (columns.empty()) {
    throw usage_error("the data name neither groups nor users",
                      "Name columns with data.group in the configuration, or --group.");
  }
  return columns;
}

GroupQuestion group_question(const Json& request, const std::vector<std::string>& columns) {
  GroupQuestion question;
  question.label = "label";
  question.prediction = "prediction";
  question.group = columns;
  stats::GroupOptions& options = question.options;
  options.confidence = request.value("confidence", options.confidence);
  options.resamples = request.value("resamples", options.resamples);
  options.permutations = request.value("permutations", options.permutations);
  const auto& families = group_family_names();
  for (const std::string& name : request.value("families", std::vector<std::string>{})) {
    options.families.push_back(
        static_cast<stats::GroupFamily>(std::find(families.begin(), families.end(), name) - families.begin()));
  }
  question.positive = request.value("positive", "");
  question.threshold = request.value("threshold", question.threshold);
  options.seed = request.value("seed", options.seed);
  options.least = request.value("least", options.least);
  options.interval = gap_interval_of(request.value("interval", gap_interval_names().front()));
  // Single speakers have a handful of lines: a gap over such groups would always be near 1.
  options.exclude_small = request.value("exclude_small", false) ||
                          std::find(columns.begin(), columns.end(), "user") != columns.end();
  return question;
}

/// Labels by the names of the run's classes: "a=b,c=d" of request["relabel"].
std::string relabelled(const Json& names, const std::string& label) {
  return names.contains(label) ? names[label].get<std::string>() : label;
}

bool mentions(const text::Example& example, const std::string& word) {
  return std::any_of(example.words.begin(), example.words.end(),
                     [&](const std::string& other) { return text::lowercase(other) == text::lowercase(word); });
}

/// Subgroups that may overlap: columns that hold numbers, and texts that mention a word.
void add_identities(const Json& request, const EncodedData& data, const std::string& source, GroupQuestion& question,
                    GroupRows& rows) {
  for (const std::string& column : request.value("identity", std::vector<std::string>{})) {
    auto& member = rows.identity.emplace_back();
    for (const text::Example& example : data.examples) {
      const std::string cell = group_cell(example, column);
      double value = 0;
      const auto [stop, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (!cell.empty() && (error != std::errc() || stop != cell.data() + cell.size())) {
        throw bad_data(fmt::format("{}: '{}' in column '{}' is no number", source, cell, column));
      }
      member.push_back(!cell.empty() && value >= 0.5 ? 1 : 0);
    }
    question.identity.push_back(column);
  }
  for (const std::string& word : request.value("mentions", std::vector<std::string>{})) {
    auto& member = rows.identity.emplace_back();
    for (const text::Example& example : data.examples) member.push_back(mentions(example, word) ? 1 : 0);
    question.identity.push_back(word);
  }
}

/// Where no column was named: whether a text mentions any of the words.
void add_mention_group(const EncodedData& data, GroupQuestion& question, GroupRows& rows) {
  question.group = {rows.identity.empty() ? "examples" : "mentions"};
  rows.group.emplace_back();
  for (std::size_t i = 0; i < data.examples.size(); ++i) {
    const bool any = std::any_of(rows.identity.begin(), rows.identity.end(), [&](const auto& member) { return member[i] != 0; });
    rows.group.back().push_back(rows.identity.empty() ? "all" : any ? "some" : "none");
  }
}

GroupRows group_rows(const Json& request, const RunModel& run, const EncodedData& data, const Scores& scores,
                     const std::vector<std::string>& columns) {
  const Json names = request.value("relabel", Json::object());
  GroupRows rows;
  if (!scores.intents.empty()) {
    for (std::size_t i = 0; i < scores.intents.size(); ++i) {
      rows.label.push_back(relabelled(names, data.examples[i].label));
      rows.prediction.push_back(run.encoder.intents.name(scores.intents[i]));
    }
  } else {
    rows.prediction = slots_right(data, scores);
    rows.label.assign(rows.prediction.size(), "right");
  }
  for (const std::string& column : columns) {
    rows.group.emplace_back();
    for (const text::Example& example : data.examples) {
      rows.group.back().push_back(group_cell(example, column));
    }
  }
  return rows;
}

/// The classes that --positive names: one, or several with commas, which count as one together.
std::vector<std::int64_t> positive_classes(const RunModel& run, const std::string& named) {
  const auto& intents = run.encoder.intents;
  if (const std::int64_t one = intents.find(named); one >= 0) return {one};
  std::vector<std::int64_t> classes;
  for (std::size_t begin = 0; begin <= named.size();) {
    const std::size_t end = std::min(named.find(',', begin), named.size());
    const std::string name = named.substr(begin, end - begin);
    const std::int64_t found = intents.find(name);
    if (found < 0) {
      throw usage_error(fmt::format("the run knows no class '{}'; it has {}", name, fmt::join(intents.names(), ", ")),
                        "Check --positive.");
    }
    if (std::find(classes.begin(), classes.end(), found) == classes.end()) classes.push_back(found);
    begin = end + 1;
  }
  if (classes.size() == static_cast<std::size_t>(intents.size())) {
    throw usage_error("--positive names every class of the run", "Leave those out that are not positive.");
  }
  return classes;
}

/// Probabilities of the positive classes as scores, in place of predictions.
void take_scores(const RunModel& run, const Scores& scores, GroupQuestion& question, GroupRows& rows) {
  const std::vector<std::int64_t> positive = positive_classes(run, question.positive);
  const auto classes = static_cast<std::size_t>(run.encoder.intents.size());
  for (std::size_t i = 0; i < scores.intents.size(); ++i) {
    double sum = 0;
    for (const std::int64_t c : positive) sum += scores.intent_probabilities[i * classes + static_cast<std::size_t>(c)];
    rows.score.push_back(sum);
  }
  if (positive.size() > 1) {
    for (std::string& label : rows.label) {
      const std::int64_t own = run.encoder.intents.find(label);
      if (std::find(positive.begin(), positive.end(), own) != positive.end() && own >= 0) label = question.positive;
    }
  }
  rows.prediction.clear();
  question.prediction.clear();
  question.score = "probability";
}

/// Request: run (or a classifier's folder, which needs data); data, format, text_column, label_column, or split (internal/asked_data.h); the keys of
/// group_configuration; positive: its probability is the score, or that of several with commas; relabel: names of the data's labels in the run;
/// identity: columns of numbers; mentions: words; swap: counterfactual copies (internal/run_counterfactuals.h); out
/// (a file instead of RUN/audits). What is compared: the intent, or whole tag sequences where there is no intent.
Json groups_of_run(const Json& request, core::OperationContext&) {
  const fs::path path = request.at("run").get<std::string>();
  const Classifier opened = open_classifier(path);
  const RunModel& run = opened.run;
  auto wanted = request.value("group", std::vector<std::string>{});
  for (const std::string& column : request.value("identity", std::vector<std::string>{})) wanted.push_back(column);
  const AskedData asked = asked_data(request, run, path.string(), wanted);
  const EncodedData data = load_examples(asked.settings, run.encoder, asked.source, asked.split);
  const std::vector<std::string> columns = group_columns(request, run, data);
  check_group_columns(columns, data, asked.source);
  GroupQuestion question = group_question(request, columns);
  const Scores scores = score(*run.model, data);
  const bool asks_for_classes = asks_for_texts(request) || request.contains("positive");
  if (asks_for_classes && scores.intents.empty()) {
    throw usage_error("--positive, --mentions and --swap need a run that predicts a class");
  }
  GroupRows rows = group_rows(request, run, data, scores, columns);
  add_identities(request, data, asked.source, question, rows);
  if (columns.empty()) add_mention_group(data, question, rows);
  if (!question.positive.empty()) take_scores(run, scores, question, rows);
  if (!question.identity.empty() && rows.score.empty()) {
    throw usage_error("--identity and --mentions compare scores", "Name the positive class with --positive.");
  }

  Json configuration = group_configuration(question);
  configuration["split"] = asked.role;
  for (const char* key : {"swap", "relabel"}) {
    if (request.contains(key)) configuration[key] = request[key];
  }
  configuration["compared"] = scores.intents.empty() ? "slots" : "intent";
  Json document =
      core::make_document({.schema = "discreet.fairness.groups/1",
                           .configuration = configuration,
                           .inputs = {opened.input, describe_asked(asked, run.encoder)}});
  answer_groups(rows, question, document);
  if (request.contains("swap")) {
    const Counterfactuals copies = counterfactual_copies(run.encoder, data, request["swap"].get<std::string>());
    const Scores of_copies = copies.original.empty() ? Scores{} : score(*run.model, copies.copies);
    const auto changes =
        counterfactual_changes(scores, of_copies, copies, static_cast<std::size_t>(run.encoder.intents.size()));
    add_counterfactual_results(changes, copies, data.examples.size(),
                               {.resamples = question.options.resamples,
                                .confidence = question.options.confidence,
                                .method = stats::bootstrap_method(question.options.interval),
                                .seed = question.options.seed},
                               document);
  }
  write_classifier_finding(request, path, opened.of_run, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_run_groups(core::Registry& registry) {
  registry.add(
      {.kind = "operation",
       .name = "run-groups",
       .summary = "A classifier's predictions by group, a run's or a folder's, with intervals and gaps",
       .make = core::Operation(&app::groups_of_run)});
}

}  // namespace discreet
